"""What a voice starts from: which base "auto" takes and why, what it changes, and that it pays."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.cli import main
from bot.config import BotSettings
from model.base import find
from model.checkpoints import checkpoint
from model.errors import DannError
from tests.training.base.chats import ANSWERS, SUBJECTS, VERBS, small_base, write_chats
from tests.training.retrain.test_warm_start import SilentConsole
from training.runs.start import base_weights, choose_start, script_share
from training.runs.train import train
from training.store.post import Post

MINE = [
    ANSWERS[number % 4].format(s=SUBJECTS[number % 7], v=VERBS[number % 5])  # sevens and fives: no pair comes twice
    for number in range(60)
]


def posts(texts: list[str]) -> list[Post]:
    return [Post(f"p{number}", "chat", mine=True, time=1000.0 + number, text=text) for number, text in enumerate(texts)]


@pytest.fixture(autouse=True)
def _nothing_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "nothing")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a base, learned from conversations of the same kind."""
    folder = tmp_path_factory.mktemp("start")
    chats = write_chats(folder / "chats.jsonl", channels=9, messages=100)
    options = small_base(f"data.dir={folder}", "train.steps=100", "train.minutes=1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.base.run.measure", lambda *_: [])
        assert main(["base", "train", str(chats), "--name", "small", "-q", *options]) == 0
    return folder


def settings(folder: Path, **tables: Any) -> BotSettings:
    train = {"base": "auto", "steps": 20, "evaluations": 2, "devices": 1} | tables.pop("train", {})
    finetune = {"batch_size": 8, "bptt_length": 32, "learning_rate": 0.01}
    return BotSettings.model_validate({"data": {"dir": folder}, "train": train, "finetune": finetune} | tables)


def chosen(folder: Path, own: list[str], **tables: Any) -> tuple[str, list[str]]:
    """What `train.base` became, and what was said."""
    said: list[str] = []
    return choose_start(settings(folder, **tables), own, said.append).settings.train.base, said


def test_auto_takes_a_base_that_knows_the_words_and_says_so(data: Path) -> None:
    base, said = chosen(data, MINE)
    assert base == "small"
    assert said[0].startswith("starting from small: small has ")
    assert "bits per byte of your posts unread, their own word counts" in said[0]


def test_auto_leaves_a_base_that_does_not_help_and_says_why(data: Path) -> None:
    base, said = chosen(data, ["qxz jvk wqp zzx"] * 40)
    assert base == "off"
    assert said[0].startswith("starting from scratch: small has ")
    base, said = chosen(data, ["доброе утро, как дела", "сегодня снова дождь"] * 20)
    assert base == "off"
    assert said[0] == "starting from scratch: 0% of your letters are in the script of small"


def test_auto_judges_by_posts_of_every_channel(data: Path) -> None:
    """Own texts come channel by channel, and one channel alone fills the sample that is judged by."""
    english, russian = MINE * 40, ["доброе утро, как у тебя дела сегодня", "сегодня снова дождь, а завтра снег"] * 400
    _, said = chosen(data, [*english, *russian])
    assert "small has" in said[0], "not refused for the last channel's letters"
    base, said = chosen(data, [*russian, *russian, *english[:900]])
    assert base == "off"
    assert re.match(r"starting from scratch: [1-4]\d% of your letters are in the script of small$", said[0])


@pytest.mark.parametrize(
    ("tables", "asked"),
    [
        ({"model": {"hidden_dim": 64}}, "model.hidden_dim = 64"),
        ({"model": {"architecture": "gru"}}, "model.architecture = 'gru'"),
        ({"tokenizer": {"vocab_size": 600}}, "tokenizer.vocab_size = 600"),
        ({"tokenizer": {"kind": "characters"}}, "tokenizer.kind = 'characters'"),
    ],
)
def test_who_asks_for_a_network_of_their_own_has_it(data: Path, tables: dict[str, Any], asked: str) -> None:
    base, said = chosen(data, MINE, **tables)
    assert (base, said) == ("off", [f"training from scratch: {asked} asks for another network than a base's"])
    with pytest.raises(DannError, match=rf"train.base: small cannot be used, as {asked} asks for another network"):
        chosen(data, MINE, train={"base": "small"}, **tables)


def test_off_is_off(data: Path) -> None:
    assert chosen(data, MINE, train={"base": "off"}) == ("off", [])


def test_a_name_or_a_path_is_taken_without_a_question(data: Path, tmp_path: Path) -> None:
    nonsense = ["qxz jvk wqp zzx"] * 40
    assert chosen(data, nonsense, train={"base": "small"}) == ("small", [])
    shutil.copytree(data / "bases" / "small", tmp_path / "moved")
    path = str(tmp_path / "moved")
    assert chosen(tmp_path, nonsense, train={"base": path}) == (path, [])
    started, said = choose_start(settings(tmp_path, train={"base": path}), [], print).settings, list[str]()
    assert base_weights(started, said.append) is not None
    assert base_weights(settings(data, train={"base": "off"}), said.append) is None
    assert said == []
    shutil.rmtree(path)
    assert base_weights(started, said.append) is None
    assert said[0].startswith("resuming without the base, so nothing is blended with it at the end: ")
    assert "there is no such base" in said[0]


def test_a_base_that_cannot_be_used_is_refused_and_how_to_go_on_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DannError, match=r'none: there is no such base; .+train.base = "off" trains without one'):
        chosen(data, MINE, train={"base": "none"})
    shutil.copytree(data / "bases", tmp_path / "bases")
    (tmp_path / "bases" / "small" / "weights.safetensors").write_bytes(b"cut")
    with pytest.raises(DannError, match=r'small is damaged: .+; train.base = "off" trains without one'):
        chosen(tmp_path, MINE)


def test_a_base_decides_the_network_and_finetune_the_training(data: Path) -> None:
    start = choose_start(settings(data, train={"learning_rate": 0.5, "base": "small"}), MINE, print)
    assert start.settings.model.architecture == "lstm_attention"
    assert start.settings.model.hidden_dim == 32
    assert start.settings.tokenizer.vocab_size == 320
    assert start.settings.train.learning_rate == settings(data).finetune.learning_rate
    assert start.settings.train.steps == 20
    assert start.tokenizer is not None
    assert start.weights is not None
    assert {array.dtype for array in start.weights.values()} == {np.dtype(np.float32)}


def test_sixty_posts_are_learned_better_from_a_base_than_from_scratch(data: Path, tmp_path: Path) -> None:
    small = choose_start(settings(data, train={"base": "small"}), [], print).settings
    scores = {}
    for base in ("small", "off"):
        shutil.copytree(data / "bases", tmp_path / base / "bases")
        tables: dict[str, Any] = {"train": {"base": base}}
        if base == "off":  # the same network, trained alike
            train_config = {"base": "off", "windows": "conversations"} | small.finetune.model_dump()
            tables = {"model": small.model.model_dump(), "tokenizer": {"vocab_size": 320}, "train": train_config}
        config = settings(tmp_path / base, **tables)
        learned = train(config, posts(MINE), SilentConsole(), lambda: False)
        scores[base] = learned.score.bpb
        saved = checkpoint.load(tmp_path / base / "checkpoints").meta
        assert saved is not None
        assert saved.settings["train"]["base"] == base
    assert scores["small"] < 0.75 * scores["off"]


def test_what_script_a_text_is_in(data: Path) -> None:
    tokenizer = choose_start(settings(data, train={"base": "small"}), [], print).tokenizer
    assert tokenizer is not None
    assert script_share("hello", tokenizer) == 1.0
    assert script_share("да", tokenizer) == 0.0
    assert script_share("no да", tokenizer) == 0.5
    assert script_share("123 :-)", tokenizer) == 0.0
