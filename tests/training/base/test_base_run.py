"""`dann base train`, from texts to a base that can be used, and what can interrupt it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bot.cli import main
from model.base.load import load_base
from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from model.words import WordSet
from tests.training.base.chats import SUBJECTS, small_base, write_chats
from tests.training.retrain.test_warm_start import SilentConsole
from training.base.run import BasePlan, resume_base, train_base
from training.base.text import read_base_text
from training.config.load import load_settings
from training.config.tables import Settings
from training.loop import clock


def settings(folder: Path, *more: str) -> Settings:
    sets = small_base(f"data.dir={folder}", "train.windows=conversations", "model.architecture=lstm_attention", *more)
    return load_settings(Settings, None, sets[1::2])


def weights(folder: Path, name: str) -> dict[str, np.ndarray]:
    return load_file(folder / "bases" / name / "weights.safetensors")


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_a_base_has_its_datasheet_and_half_precision_loses_little(data: Path) -> None:
    base, sheet = load_base(data / "bases", "small")
    assert (sheet.name, sheet.language, sheet.began_from) == ("small", "", "")
    assert "chats.jsonl --name small" in sheet.command
    assert str(data) not in sheet.model_dump_json()
    (chats,) = sheet.sources
    assert (chats.name, chats.messages, chats.weight) == ("chats", read_base_text(data / "chats.jsonl").messages, 1.0)
    assert chats.val_bpb is not None
    assert chats.val_bpb < 2.0
    assert chats.listening is not None
    assert chats.longest_copy is not None
    assert abs(sheet.rounding) < 0.01
    assert sheet.tokens == 120 * 8 * 32
    assert {array.dtype for array in weights(data, "small").values()} == {np.dtype(np.float16)}
    assert base.model.config.architecture == "lstm_attention"
    words = WordSet.load(data / "bases" / "small")
    assert all(word in words for word in " ".join(SUBJECTS).split())
    assert "zebracorn" not in words


@pytest.mark.usefixtures("unmeasured")
def test_the_same_command_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    plan = BasePlan(texts=[str(write_chats(tmp_path / "chats.jsonl"))])
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        train_base(
            settings(tmp_path, "train.steps=6", f"train.seed={seed}"), name, plan, SilentConsole(), lambda: False
        )
    assert same(weights(tmp_path, "one"), weights(tmp_path, "again"))
    assert not same(weights(tmp_path, "one"), weights(tmp_path, "other"))


@pytest.mark.usefixtures("unmeasured")
def test_a_resumed_base_is_the_uninterrupted_one_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "DISPATCH_SECONDS", 0.0)  # a step a dispatch: it can be stopped after any
    plan = BasePlan(texts=[str(write_chats(tmp_path / "chats.jsonl"))])
    config = settings(tmp_path, "train.steps=8")
    train_base(config, "whole", plan, SilentConsole(), lambda: False)
    train_base(config, "parts", plan, SilentConsole(), stop_after(5))
    shutil.rmtree(tmp_path / "bases" / "parts")
    resume_base(config, None, SilentConsole(), lambda: False)
    assert same(weights(tmp_path, "whole"), weights(tmp_path, "parts"))
    with pytest.raises(DannError, match="no unfinished run to resume; run `dann base train` without --resume"):
        resume_base(config, None, SilentConsole(), lambda: False)


def stop_after(dispatches: int) -> Callable[[], bool]:
    asked = iter(range(1_000))
    return lambda: next(asked) >= dispatches


def interrupt_after(dispatches: int) -> Callable[[], bool]:
    asked = iter(range(1_000))

    def interrupted() -> bool:
        if next(asked) == dispatches:
            raise KeyboardInterrupt
        return False

    return interrupted


@pytest.mark.usefixtures("unmeasured")
def test_a_killed_base_goes_on_from_what_was_saved_and_other_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill is a KeyboardInterrupt that nothing catches: no state is saved after it."""
    monkeypatch.setattr(clock, "DISPATCH_SECONDS", 0.0)
    chats = write_chats(tmp_path / "chats.jsonl")
    config = settings(tmp_path, "train.steps=8", "train.save_seconds=1e-9")
    plan = BasePlan(texts=[str(chats)])

    with pytest.raises(KeyboardInterrupt):
        train_base(config, "killed", plan, SilentConsole(), interrupt_after(5))
    assert not (tmp_path / "bases").exists()
    content = chats.read_bytes()
    write_chats(chats, seed=1)
    with pytest.raises(DannError, match=r"chats.jsonl: is not the text that this run began with; bring it back"):
        resume_base(config, None, SilentConsole(), lambda: False)
    chats.write_bytes(content)
    resume_base(config, None, SilentConsole(), lambda: False)
    train_base(config, "whole", plan, SilentConsole(), lambda: False)
    assert same(weights(tmp_path, "whole"), weights(tmp_path, "killed"))


@pytest.mark.usefixtures("unmeasured")
def test_one_killed_before_it_saved_anything_does_not_hold_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "DISPATCH_SECONDS", 0.0)
    config = settings(tmp_path, "train.steps=4")
    plan = BasePlan(texts=[str(write_chats(tmp_path / "chats.jsonl"))])
    with pytest.raises(KeyboardInterrupt):
        train_base(config, "one", plan, SilentConsole(), interrupt_after(2))
    train_base(config, "one", plan, SilentConsole(), lambda: False)
    assert (tmp_path / "bases" / "one" / "weights.safetensors").exists()
    with pytest.raises(DannError, match=r"bases/one: there is one of this name; choose another --name, or remove"):
        train_base(config, "one", plan, SilentConsole(), lambda: False)
    shutil.rmtree(tmp_path / "bases")
    with pytest.raises(DannError, match=r"runs/base/one: there is one of this name"):  # its curve stays
        train_base(config, "one", plan, SilentConsole(), lambda: False)


@pytest.mark.usefixtures("unmeasured")
def test_a_full_disk_ends_it_in_a_line_and_what_was_saved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "DISPATCH_SECONDS", 0.0)
    config = settings(tmp_path, "train.steps=6", "train.save_seconds=1e-9")
    plan = BasePlan(texts=[str(write_chats(tmp_path / "chats.jsonl"))])
    saves: list[Path] = []

    def no_room(path: Path, content: bytes) -> None:
        saves.append(path)
        if len(saves) > 4 and path.name == "resume.safetensors":
            raise DannError(f"{path}: no room left to save it; free some space and try again; nothing else changed")
        replace_file(path, content)

    with monkeypatch.context() as patch:
        patch.setattr("training.runs.resume.replace_file", no_room)
        with pytest.raises(DannError, match="no room left to save it"):
            train_base(config, "full", plan, SilentConsole(), lambda: False)
    resume_base(config, None, SilentConsole(), lambda: False)
    train_base(config, "whole", plan, SilentConsole(), lambda: False)
    assert same(weights(tmp_path, "whole"), weights(tmp_path, "full"))


@pytest.mark.usefixtures("unmeasured")
def test_another_base_begins_with_the_weights_of_one_and_has_its_tokenizer(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "bases", tmp_path / "bases")
    plan = BasePlan(
        texts=[str(write_chats(tmp_path / "chats.jsonl", seed=5))], began_from=str(tmp_path / "bases" / "small")
    )
    sheet = train_base(settings(tmp_path, "train.steps=2"), "more", plan, SilentConsole(), lambda: False)
    _, before = load_base(data / "bases", "small")
    assert (sheet.began_from, sheet.tokens_before) == ("small", before.tokens)
    assert sheet.val_bpb < before.val_bpb + 0.3  # from scratch it is twice that after two steps
    tokenizers = [(data / "bases/small/tokenizer.json"), (tmp_path / "bases/more/tokenizer.json")]
    assert tokenizers[0].read_bytes() == tokenizers[1].read_bytes()


def test_names_and_sources_are_checked_before_anything_is_learned(data: Path, tmp_path: Path) -> None:
    plan = BasePlan(texts=[str(data / "chats.jsonl")])
    config = settings(tmp_path)
    with pytest.raises(DannError, match=r"--name ../x: a base's name has letters"):
        train_base(config, "../x", plan, SilentConsole(), lambda: False)
    (tmp_path / "bases" / "taken").mkdir(parents=True)
    with pytest.raises(DannError, match="taken: there is one of this name; choose another --name"):
        train_base(config, "taken", plan, SilentConsole(), lambda: False)
    sources = tmp_path / "sources.toml"
    sources.write_text("[sources.chat]\nweight = 2\n")
    with pytest.raises(DannError, match=r"sources.chat: no text of this name is given; there are: chats"):
        train_base(config, "b", plan.model_copy(update={"sources": str(sources)}), SilentConsole(), lambda: False)


def test_the_commands_show_a_base_and_measure_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--set", f"data.dir={data}"]
    assert main(["base", "list", "--json", *at]) == 0
    listed = json.loads(capsys.readouterr().out)["bases"]
    assert "small" in [one["name"] for one in listed]
    assert main(["base", "list", *at]) == 0
    assert "lstm_attention 1 x 32, vocabulary 320" in capsys.readouterr().out
    assert main(["base", "info", "small", *at]) == 0
    shown = capsys.readouterr().out
    assert "# small: a base for dann" in shown
    assert f"| chats | {read_base_text(data / 'chats.jsonl').messages:,} |" in shown
    assert main(["base", "info", str(data / "bases" / "small"), "--json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["size"] > 20_000
    assert main(["base", "eval", "small", str(data / "chats.jsonl"), "--json", "-q", *at]) == 0
    measured = json.loads(capsys.readouterr().out)["texts"]["chats.jsonl"]
    sheet = load_base(data / "bases", "small")[1]
    assert measured["val_bpb"] == pytest.approx(sheet.sources[0].val_bpb, abs=1e-3)
    assert measured["listening"]["share"] == pytest.approx(sheet.sources[0].listening, abs=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["base", "train"], "give texts to learn from, or --resume"),
        (["base", "train", "x.jsonl", "--resume"], "give texts to learn from, or --resume"),
        (["base", "train", "none.jsonl"], "none.jsonl: cannot be read (No such file or directory)"),
        (["base", "info", "none"], "none: there is no such base; there are:"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--set", "train.devices=1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "data" / "bases").exists()


def damaged(folder: Path, how: str) -> None:
    files = {name: folder / name for name in ("weights.safetensors", "base.json", "tokenizer.json", "manifest.json")}
    if how == "flipped":
        content = bytearray(files["weights.safetensors"].read_bytes())
        content[-9] ^= 1
        files["weights.safetensors"].write_bytes(content)
    elif how == "cut":
        files["weights.safetensors"].write_bytes(files["weights.safetensors"].read_bytes()[:-100])
    elif how == "another tokenizer":
        files["tokenizer.json"].write_text(files["tokenizer.json"].read_text().replace("the", "teh"))
    elif how == "no datasheet":
        files["base.json"].unlink()
    elif how == "datasheet cut":
        files["base.json"].write_text(files["base.json"].read_text()[:50])
    else:
        manifest = json.loads(files["manifest.json"].read_text())
        files["manifest.json"].write_text(json.dumps(manifest | {"format": 99}))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("flipped", "weights.safetensors is not what was written"),
        ("cut", "weights.safetensors is not what was written"),
        ("another tokenizer", "tokenizer.json is not what was written"),
        ("no datasheet", "base.json: is missing, so this is no base"),
        ("datasheet cut", "base.json: cannot be read"),
        ("of a later dann", "written by a later dann (format 99"),
    ],
)
def test_a_damaged_base_is_refused_by_name(data: Path, tmp_path: Path, how: str, message: str) -> None:
    shutil.copytree(data / "bases" / "small", tmp_path / "small")
    damaged(tmp_path / "small", how)
    with pytest.raises(DannError) as error:
        load_base(tmp_path, "small")
    assert message in str(error.value)
    assert "small" in str(error.value)
    assert "\n" not in str(error.value)
