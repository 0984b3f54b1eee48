"""A run from posts to a checkpoint that serves, and everything that can interrupt it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from rich.console import Console

from bot.cli import main
from model.architectures import ARCHITECTURES
from model.checkpoints import checkpoint
from model.errors import DannError
from tests.training.full_disk import full_disk
from tests.training.small_runs import SMALL, demo, small_settings
from training.config.tables import NetworkConfig, Settings
from training.data.split import digests_for_meta, newest_tenth
from training.evaluation.style import words_of
from training.lock import training_lock
from training.loop import clock
from training.runs import post_run, sizing
from training.runs.post_run import TrainResult, held_out_before
from training.runs.sizing import Size, choose
from training.runs.terminal import TrainingConsole
from training.runs.train import resume_last, train
from training.store.post import Post
from training.store.posts import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


def console(*, quiet: bool = True) -> TrainingConsole:
    """Without output, samples are not drawn."""
    return TrainingConsole(Console(file=sys.stderr, quiet=quiet))


def trained(folder: Path, **options: Any) -> TrainResult:
    return train(small_settings(folder, **options), demo(), console(), lambda: False)


def test_what_does_not_decode_is_refused_before_it_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ARCHITECTURES["lstm"], "decodes", False)
    with pytest.raises(
        DannError, match=r"model\.architecture: 'lstm' does not write token by token, so it cannot be a voice"
    ):
        trained(tmp_path)
    assert not list(tmp_path.rglob("metrics.jsonl"))


class Learned(NamedTuple):
    """A run that ended by itself on every device, and what it printed."""

    folder: Path
    result: TrainResult
    out: str
    err: str


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """Nobody writes to its folder."""
    folder, out, err = tmp_path_factory.mktemp("learned"), StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(clock, "DISPATCH_SECONDS", 1e9)  # 32 steps and 8: two evaluations on any machine
        settings = small_settings(folder, devices="auto", calibration_replies=40)
        result = train(settings, demo(), console(quiet=False), lambda: False)
    return Learned(folder, result, out.getvalue(), err.getvalue())


@pytest.fixture
def serving(learned: Learned, tmp_path: Path) -> Path:
    """A data folder of one's own, with posts and a checkpoint."""
    shutil.copytree(learned.folder, tmp_path, dirs_exist_ok=True, symlinks=True)
    return filled(tmp_path)


def test_posts_are_read_when_nobody_else_can_train(tmp_path: Path) -> None:
    """What is forgotten before that is not learned."""

    def stored() -> Iterator[Post]:
        with pytest.raises(DannError, match="already running here"), training_lock(tmp_path / "train.lock"):
            pass
        asked.append(True)
        yield from demo()

    asked: list[bool] = []
    train(small_settings(tmp_path, steps=2, evaluations=1), stored(), console(), lambda: False)
    assert asked == [True]
    asked.clear()
    with pytest.raises(DannError, match="no unfinished run"):
        resume_last(small_settings(tmp_path), stored(), console(), lambda: False)
    assert asked == []  # a store is not read for nothing


def test_a_run_leaves_a_checkpoint_that_serves_and_its_figures(learned: Learned) -> None:
    folder, result = learned.folder, learned.result
    snapshot = checkpoint.load(folder / "checkpoints")
    assert snapshot.id == result.checkpoint
    assert snapshot.meta is not None
    assert snapshot.meta.val_bpb == result.score.bpb
    assert snapshot.meta.posts == sum(post.mine for post in demo())
    assert snapshot.meta.newest_post == max(post.time or 0 for post in demo() if post.mine)
    assert snapshot.meta.settings["train"]["steps"] == 40
    assert not {"persona", "bot"} & snapshot.meta.settings.keys()
    (run,) = (folder / "runs").iterdir()
    assert not (run / "resume.safetensors").exists()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"step", "loss", "grad_norm", "learning_rate", "tokens_per_second"} <= lines[0].keys()
    evaluations = [line for line in lines if line["event"] == "evaluation"]
    assert len(evaluations) == 2
    assert {"loss", "accuracy", "bpb"} <= evaluations[0].keys()
    assert learned.out == ""
    assert "only 244 posts of yours" in learned.err
    assert learned.err.count("bits per byte  ") == 2
    assert learned.err.count("\n      ") == 2 * 3, "samples"


def test_a_run_that_ends_is_calibrated(learned: Learned) -> None:
    """With what its replies say, counted beside the posts; a run that is stopped is not."""
    snapshot = checkpoint.load(learned.folder / "checkpoints")
    calibration = snapshot.calibration
    assert calibration is not None
    assert calibration.bias_V.shape == (snapshot.tokenizer.vocab_size,)
    assert 0.1 < np.abs(calibration.bias_V).max() < 10
    written = words_of(post.text for post in demo() if post.mine)
    share = sum(word in calibration.words for word in written) / len(written)
    assert 0.8 < share < 1, "all but those in held-out posts alone"
    assert 0 < calibration.keep_unknown <= 1
    assert "drawing 40 replies, to count what they have more often than you" in learned.err


@pytest.mark.parametrize("least", [30.0, 0.0])
def test_listening_is_measured_where_the_training_was_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: float
) -> None:
    monkeypatch.setattr(post_run, "LISTENING_SECONDS", least)
    posts = [replace(post, channel=f"{number // 4:04}") for number, post in enumerate(demo())]
    result = train(small_settings(tmp_path, steps=2, evaluations=1), posts, console(), lambda: False)
    meta = checkpoint.load(tmp_path / "checkpoints").meta
    assert meta is not None
    assert meta.listening == result.listening
    assert result.listening is None if least else 0.0 <= (result.listening or -1) <= 1.0
    assert (meta.copies is None) == bool(least)
    if meta.copies:
        assert list(meta.copies) == [
            "samples", "longest_words", "longest_characters", "copied", "whole", "near_copies", "begun", "recited",
        ]  # fmt: skip


def test_no_post_is_written_outside_of_the_store(tmp_path: Path) -> None:
    """Runs and checkpoints hold weights, merges and figures, and no sentence anybody wrote."""
    secret = "my very secret sentence about the purple elephant"
    lines = [replace(post, text=f"{secret} {i}") if i % 10 == 0 else post for i, post in enumerate(demo())]
    assert sum(post.mine and post.text.startswith(secret) for post in lines) > 5
    train(small_settings(tmp_path, steps=5, evaluations=1), lines, console(), lambda: False)
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"weights.safetensors", "tokenizer.json"} <= {file.name for file in written}
    for file in written:
        assert b"secret sentence" not in file.read_bytes(), file


def test_stopping_evaluates_saves_and_can_be_resumed(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    settings = small_settings(tmp_path, steps=150)
    first = train(settings, demo(), console(), lambda: next(asked))
    assert first.ending == "stopped"
    assert checkpoint.current(tmp_path / "checkpoints") == first.checkpoint
    second = resume_last(settings, demo(), console(), lambda: False)
    assert (second.ending, second.steps) == ("done", 150)
    assert second.checkpoint != first.checkpoint
    assert checkpoint.current(tmp_path / "checkpoints") == second.checkpoint
    assert second.score.bpb < first.score.bpb
    with pytest.raises(DannError, match="no unfinished run"):
        resume_last(settings, demo(), console(), lambda: False)


def test_a_resumed_run_holds_out_what_it_held_out_before(tmp_path: Path) -> None:
    """With older posts the newest tenth reaches back into what it has learned, and is no measure of the best so far."""
    settings, asked = small_settings(tmp_path, steps=90), iter([False, False, True])
    train(settings, demo(), console(), lambda: next(asked))
    begun = checkpoint.load(tmp_path / "checkpoints").meta
    older = [replace(post, id=f"older {post.id}", channel="older", time=(post.time or 0) - 1e8) for post in demo()]
    resume_last(settings, [*demo(), *older], console(), lambda: False)
    ended = checkpoint.load(tmp_path / "checkpoints").meta
    assert begun is not None
    assert ended is not None
    assert begun.held_out == ended.held_out
    assert begun.held_out == digests_for_meta(newest_tenth(demo()))
    assert ended.posts == 2 * begun.posts
    (run,) = (tmp_path / "runs").iterdir()
    assert held_out_before(run, demo()) == newest_tenth(demo())
    assert held_out_before(run, older) is None, "none is left"
    (run / "held_out").unlink()
    assert held_out_before(run, demo()) is None, "a run of an earlier version"


def test_a_resumed_run_is_the_one_that_was_begun_whatever_the_settings_are_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "auto" follows the minutes: resuming with others must not look for a network of another size."""
    sizes = {1000: Size(300, 32, 0.0, 0.0, 0.0), sizing.MOST: Size(300, 48, 0.2, 0.0, 0.0)}
    monkeypatch.setattr(sizing, "TABLE", {sizing.MOST: sizes})
    original = small_settings(tmp_path, steps=120, minutes=1.0)
    auto = original.model_copy(
        update={"model": original.model.model_copy(update={"hidden_dim": "auto", "dropout": "auto"})}
    )
    asked = iter([False, False, True])
    first = train(auto, demo(), console(), lambda: next(asked))
    assert first.ending == "stopped"
    now = small_settings(tmp_path, minutes=6000.0, batch_size=4)
    second = resume_last(now, demo(210), console(), lambda: False, minutes=6000.0)
    assert (second.steps, second.params) == (120, first.params)
    snapshot = checkpoint.load(tmp_path / "checkpoints")
    assert snapshot.meta is not None
    assert snapshot.meta.settings["model"]["hidden_dim"] == snapshot.model.config.hidden_dim == 32
    assert snapshot.meta.settings["train"]["batch_size"] == 8
    assert snapshot.meta.posts == sum(post.mine for post in demo(210))


def test_two_trainings_at_once_are_refused_and_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    with (
        training_lock(tmp_path / "train.lock"),
        pytest.raises(DannError, match=rf"already running here \(process {os.getpid()}"),
    ):
        trained(tmp_path)
    with training_lock(tmp_path / "train.lock"):
        pass


def test_a_rate_that_explodes_is_told_and_changes_nothing(serving: Path) -> None:
    before = checkpoint.current(serving / "checkpoints")
    with pytest.raises(DannError, match=r"not a finite number after step .* try a smaller one"):
        trained(serving, learning_rate=1e30, warmup=0.0)
    assert before
    assert checkpoint.current(serving / "checkpoints") == before


def test_more_text_and_minutes_make_a_larger_network() -> None:
    assert choose(10_000, 10, 2).hidden_dim < choose(1_000_000, 10, 2).hidden_dim
    assert choose(1_000_000, 1, 2).hidden_dim < choose(1_000_000, 60, 2).hidden_dim
    assert choose(10_000, 1, 2).vocab_size < choose(1_000_000, 1, 2).vocab_size
    assert choose(1_000_000, 10, 1) == choose(1_000_000, 5, 2)


@pytest.mark.parametrize("bytes_", [1, 50_000, 200_000, 10**9])
@pytest.mark.parametrize("minutes", [0.1, 3, 15, 10_000])
def test_there_is_a_size_for_any_text_and_minutes(bytes_: int, minutes: float) -> None:
    """And what it is meant for is allowed where a person would write it."""
    size = choose(bytes_, minutes, 2)
    settled = sizing.settled(Settings(), size)
    model, tokenizer = settled.model.model_dump(), settled.tokenizer.model_dump()
    assert "auto" not in {*model.values(), *tokenizer.values()}
    Settings.model_validate({"model": model, "tokenizer": tokenizer})


def test_what_is_written_is_not_chosen_anew() -> None:
    written = Settings(model=NetworkConfig(hidden_dim=33, weight_drop=0.0))
    model = sizing.settled(written, choose(1_000_000, 60, 2)).model
    assert (model.hidden_dim, model.weight_drop) == (33, 0.0)
    assert model.dropout != "auto"


def arguments(folder: Path, *more: str) -> list[str]:
    """Of the real command."""
    sets = [
        f"--set={t}.{k}={v}" for t, table in SMALL.items() for k, v in table.items() if (t, k) != ("train", "steps")
    ]
    return [f"--set=data.dir={folder}", *sets, "train", *more]


def filled(folder: Path) -> Path:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo())
    return folder


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A training in another process that has saved what resuming needs at least once."""

    def saved() -> set[int]:
        return {path.stat().st_mtime_ns for path in (folder / "runs").glob("*/resume.safetensors")}

    before = saved()
    command = arguments(folder, "--quiet", "--minutes=5", "--set=train.save_seconds=0.2", *more)
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; from bot.cli import main; sys.exit(main())", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not saved() - before:
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return child


def test_a_run_is_ended_by_signals_and_resumed_after_each_and_a_second_is_told_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C and SIGTERM save, kill -9 loses little, and what was resumed is again what a second training is told of."""
    filled(tmp_path)
    child = started(tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM):
        assert main(arguments(tmp_path)) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert f"a training is already running here (process {child.pid}" in told.err
        child.send_signal(number)
        out, err = child.communicate(timeout=120)
        assert child.returncode == 0, err
        assert "finishing and saving" in err
        assert "dann train --resume" in out
        assert checkpoint.load(tmp_path / "checkpoints")
        assert list((tmp_path / "runs").glob("*/resume.safetensors"))
        child = started(tmp_path, "--resume")
    child.kill()
    child.communicate()
    assert main(arguments(tmp_path, "--resume", "--minutes=0.03", "--json")) == 0
    out, err = capsys.readouterr()
    assert "resuming run" in err
    figures = json.loads(out)
    assert figures.keys() >= {
        "checkpoint", "val_bpb", "val_loss", "val_accuracy", "steps", "seconds", "tokens_per_second", "params",
        "base", "baselines",
    }  # fmt: skip
    assert figures["baselines"].keys() == {"ppmd"}
    assert checkpoint.load(tmp_path / "checkpoints").id == figures["checkpoint"]


def test_a_full_disk_leaves_the_old_checkpoint_serving(serving: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = checkpoint.current(serving / "checkpoints")
    with full_disk():
        code = main(arguments(serving, "--set=train.steps=10"))
    err = capsys.readouterr().err
    assert code == 1, err
    assert "no room left to save it" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert checkpoint.load(serving / "checkpoints").id == before
    assert trained(serving, steps=5, evaluations=1).ending == "done"


def test_a_disk_that_is_full_before_the_first_step_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(f"sqlite:///{filled(tmp_path) / 'posts.db'}") as store:
        assert store.count()[0] > 0  # who has it open has what SQLite writes beside it
        with full_disk(500):
            code = main(arguments(tmp_path, "-q", "--set=train.steps=10"))
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (1, 1), err
    assert "tokenizer.json: no room left to save it; free some space and try again; nothing else changed" in err
    assert not any((tmp_path / "runs").glob("*/settings.json"))
