"""`dann say` and `dann chat` as people type them, on a small checkpoint."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bot.chat import Chat
from bot.cli import main
from bot.replies import phrases
from model.architectures import build
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta
from model.config import ModelConfig, SamplingParams
from model.engine.engine import Engine
from model.tokenizer import Tokenizer
from tests.model.made_up_guard import guarded
from tests.model.small_networks import parrot


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose checkpoint has random weights: every reply is gibberish, and a different one each seed."""
    folder = tmp_path_factory.mktemp("data")
    tokenizer = Tokenizer.train(["the loss goes down lol"] * 3, 280)
    model = build(ModelConfig(vocab_size=tokenizer.vocab_size, hidden_dim=16), seed=3)
    meta = Meta(
        created="", step=1, seconds=1.0, val_bpb=1.0, posts=0, newest_post=None, seed=0, code_version="0", settings={}
    )
    checkpoint.save(folder / "checkpoints", "one", model, tokenizer, meta)
    checkpoint.publish(folder / "checkpoints", "one")
    return folder


def said(data: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main([f"--set=data.dir={data}", "say", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_say_prints_a_reply_a_line_and_repeats_it_by_seed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, first, err = said(data, capsys, "how do i fix this", "--seed", "1", "--length", "20")
    assert (code, err) == (0, "")
    assert first.strip()
    assert said(data, capsys, "how do i fix this", "--seed", "1", "--length", "20")[1] == first
    assert said(data, capsys, "how do i fix this", "--seed", "2", "--length", "20")[1] != first


def test_say_json_and_consecutive_seeds(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(data, capsys, "hi", "--count", "3", "--seed", "5", "--length", "20", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["checkpoint"] == "one"
    assert [reply["seed"] for reply in told["replies"]] == [5, 6, 7]
    assert {"text", "seed", "tokens", "finish_reason"} == told["replies"][0].keys()
    alone = json.loads(said(data, capsys, "hi", "--seed", "6", "--length", "20", "--json")[1])
    assert alone["replies"][0] == told["replies"][1]


def test_temp_0_is_greedy(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replies = {said(data, capsys, "hi", "--temp", "0", "--length", "20", "--seed", seed)[1] for seed in ("1", "2", "3")}
    assert len(replies) == 1


@pytest.mark.parametrize("prompt", ["", "😂", "кириллица", "x" * 100_000])
def test_any_prompt_is_fine(data: Path, capsys: pytest.CaptureFixture[str], prompt: str) -> None:
    code, out, _ = said(data, capsys, prompt, "--length", "5")
    assert code == 0
    assert out.strip()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--temp", "3"], "sample.temperature = 3 is not right: it must be a number at least 0 and at most 2"),
        (["--top-p", "0"], "sample.top_p = 0 is not right: it must be a number above 0 and at most 1"),
        (["--temp", "hot"], "sample.temperature = 'hot' is not right"),
        (["--count", "0"], "--count 0: must be from 1 to 1000"),
        (["--seed", "-1"], "--seed -1: must be from 0 to 4294967295"),
        (["--checkpoint", "two"], "there is no such checkpoint; there are: one"),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    code, out, err = said(data, capsys, "hi", *words)
    assert (code, out) == (1, "")
    assert told in err
    assert err.count("\n") == 1


def test_without_a_checkpoint_it_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(tmp_path, capsys, "hi")
    assert (code, out) == (1, "")
    assert "there is no checkpoint yet; run `dann train` first" in err


def chatted(data: Path, *lines: str, seed: int | None = 1) -> list[str]:
    """What a conversation of these lines shows, less the greeting."""
    shown = StringIO()
    engine = Engine(checkpoint.load(data / "checkpoints"))
    # Drawn in order: random weights hardly remember, and there the smallest difference shows.
    chat = Chat(engine, SamplingParams(top_p=0.99, max_tokens=12), "dann", seed)
    chat.run(StringIO("\n".join(lines) + "\n"), Console(file=shown, width=500))
    return shown.getvalue().split("dann  ")[1:]


def test_chat_answers_every_line_and_can_be_repeated(data: Path) -> None:
    first = chatted(data, "hi", "how are you")
    assert len(first) == 2
    assert chatted(data, "hi", "how are you") == first
    assert chatted(data, "hi", "how are you", seed=None) != first


def test_chat_remembers_and_forgets(data: Path) -> None:
    after_something = chatted(data, "something else", "/seed 7", "hi")[-1]
    assert chatted(data, "/seed 7", "hi")[-1] != after_something
    assert chatted(data, "something else", "/new", "/seed 7", "hi")[-1] == chatted(data, "/seed 7", "hi")[-1]


def test_again_is_another_answer_to_the_same(data: Path) -> None:
    shown = chatted(data, "/seed 7", "hi", "/again")
    assert shown[1] != shown[2]
    assert chatted(data, "/seed 8", "hi")[-1] == shown[2]


def test_where_the_guard_ends_a_reply_a_neutral_line_is_said() -> None:
    shown = StringIO()
    engine = Engine(guarded(parrot("hey lol"), lambda *_: True))
    Chat(engine, SamplingParams(temperature=0.0), "dann", 1).run(StringIO("hi\n"), Console(file=shown, width=500))
    assert shown.getvalue().split("dann  ")[1:] == [f"{phrases.NEUTRAL}\n"]


@pytest.mark.parametrize(
    ("line", "told"),
    [("/temp 1,2", "temperature 1.2"), ("/temp 3", "from 0 to 2"), ("/temp", "found ''"), ("/seed x", "whole number"),
     ("/again", "nothing to say again yet"), ("/dance", "/dance is not a command"), ("/", "is not a command")],
)  # fmt: skip
def test_chat_commands_explain_themselves(data: Path, line: str, told: str) -> None:
    assert told in chatted(data, line)[0]
