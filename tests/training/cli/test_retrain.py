"""`dann retrain` and `dann runs`: output streams, exit codes, events and signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.checkpoints import checkpoint
from tests.bot.retraining.faulty_child import full
from tests.model.one_width import one_width
from tests.training.small_runs import SMALL, demo
from training.cli.main import main
from training.lock import training_lock
from training.store.posts import open_store
from training.store.runs import open_runs

pytestmark = pytest.mark.usefixtures("forked")

ROOT = Path(__file__).parents[3]
KEYS = {"verdict", "reason", "candidate", "incumbent", "candidate_bpb", "incumbent_bpb", "new_posts", "run"}
MAIN = (
    "import runpy; from tests.model.one_width import set_one_width; set_one_width(); "
    "runpy.run_module('training', run_name='__main__')"
)
LENIENT = {"start": "scratch", "tolerance": 1.0, "variety": 0.0, "copied": 1.0, "same": 1.0, "samples": 20}


@pytest.fixture(scope="module", autouse=True)
def _one_width() -> Iterator[None]:
    with one_width():
        yield


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with posts, in an otherwise empty working directory."""
    monkeypatch.chdir(tmp_path)
    with open_store(f"sqlite:///{tmp_path / 'data' / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo(120))
    return tmp_path / "data"


def sets(**tables: dict[str, Any]) -> list[str]:
    """Return small settings as --set options."""
    made = SMALL | {"train": SMALL["train"] | {"steps": 2, "evaluations": 1}, "retrain": LENIENT}
    return [
        f"--set={name}.{key}={value}"
        for name in {**made, **tables}
        for key, value in {**made.get(name, {}), **tables.get(name, {})}.items()
    ]


def started(*arguments: str, **tables: dict[str, Any]) -> "subprocess.Popen[str]":
    """Start `python -m training retrain` in the current folder, with programs of one width."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-c", MAIN, *sets(**tables), "retrain", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def runs(folder: Path) -> list[Any]:
    with open_runs(f"sqlite:///{folder / 'posts.db'}") as store:
        return store.last()


@pytest.mark.slow
def test_events_are_a_line_each_and_the_verdict_comes_last(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = started("--events", "--why", "schedule", retrain={"tolerance": 1.0}, train={"steps": 150})
    out, err = child.communicate(timeout=300)
    assert child.returncode == 0, err
    *progress, verdict = events(out)
    assert all(one.keys() == {"event", "part", "share", "val_bpb", "run"} for one in progress)
    assert {(one["event"], one["run"]) for one in progress} == {("progress", verdict["run"])}
    order = ["reading", "learning", "judging", "publishing"]
    assert sorted(progress, key=lambda one: (order.index(one["part"]), one["share"])) == progress
    assert {one["part"] for one in progress} == set(order)
    assert all(0 <= one["share"] <= 1 for one in progress)
    assert progress[0]["val_bpb"] is None
    assert progress[-1]["val_bpb"] > 0
    assert verdict.keys() == {"event", *KEYS}
    assert (verdict["event"], verdict["verdict"], verdict["incumbent"]) == ("verdict", "published", None)
    assert verdict["candidate"] == checkpoint.current(folder / "checkpoints")
    assert verdict["new_posts"] == sum(post.mine for post in demo(120))
    (run,) = runs(folder)
    assert (run.id, run.why, run.verdict, run.candidate_bpb) == (
        verdict["run"], "schedule", "published", verdict["candidate_bpb"],
    )  # fmt: skip

    assert main(["retrain", "--json"]) == 0  # nothing new
    told = json.loads(capsys.readouterr().out)
    assert told.keys() == KEYS
    assert (told["verdict"], told["new_posts"], told["incumbent"]) == ("skipped", 0, verdict["candidate"])


@pytest.mark.slow
def test_by_hand_it_shows_what_train_shows_and_ends_with_the_verdict_and_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*sets(train={"steps": 150}), "retrain"]) == 0
    out, err = capsys.readouterr()
    assert "the newest tenth is held out" in err
    assert "bits per byte" in err
    assert "judging the candidate" in err
    published = checkpoint.current(folder / "checkpoints")
    assert out.split()[:2] == ["published", published]
    assert "held-out posts, bits per byte" in out
    assert "nothing to compare with" in out

    assert main([*sets(retrain={"tolerance": 0.0}), "-q", "retrain", "--force"]) == 1
    out, err = capsys.readouterr()
    assert out.split()[0] == "refused"
    assert f"{published}" in out
    assert "it knows held-out posts worse" in out
    assert err == ""
    assert checkpoint.current(folder / "checkpoints") == published


def interrupted_while_learning(number: signal.Signals) -> tuple["subprocess.Popen[str]", list[dict[str, Any]], str]:
    """Signal a run of minutes as soon as it trains; return it with its events before and after."""
    child = started("--events", train={"steps": 0, "minutes": 10.0}, retrain={"minutes": 10.0})
    assert child.stdout is not None
    seen = []
    for line in child.stdout:
        seen.append(json.loads(line))
        if seen[-1]["part"] == "learning" and seen[-1]["share"] > 0:
            break
    child.send_signal(number)
    out, err = child.communicate(timeout=120)
    return child, seen + events(out), err


@pytest.mark.slow
def test_sigterm_publishes_nothing_and_says_so(folder: Path) -> None:
    child, said, err = interrupted_while_learning(signal.SIGTERM)
    assert child.returncode == 1, err
    assert "nothing will be published" in err
    assert (said[-1]["event"], said[-1]["verdict"], said[-1]["reason"]) == ("verdict", "failed", "stopped")
    (run,) = runs(folder)
    assert (run.id, run.verdict, run.reason, run.candidate) == (said[-1]["run"], "failed", "stopped", None)
    assert not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_kill_9_leaves_a_row_that_the_next_run_closes(folder: Path) -> None:
    child, said, _ = interrupted_while_learning(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert said[-1]["event"] == "progress"
    assert [run.verdict for run in runs(folder)] == ["running"]
    main([*sets(retrain={"min_new_posts": 10_000}), "retrain"])
    assert next((run.verdict, run.reason) for run in runs(folder)) == ("failed", "interrupted")
    assert not list((folder / "runs").glob("*/resume.safetensors"))


def test_while_a_training_runs_a_second_says_who_and_exits_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with training_lock(folder / "train.lock"):
        assert main(["retrain", "--force"]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert f"a training is already running here (process {os.getpid()}" in err
        child = started("--events", "--force")
        out, err = child.communicate(timeout=120)
    (verdict,) = events(out)
    assert (child.returncode, verdict["verdict"], verdict["run"]) == (1, "failed", None)
    assert "already running here" in verdict["reason"]
    assert "already running here" in err
    assert runs(folder) == []


def test_what_failed_is_told_and_exits_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in folder.glob("posts.db*"):
        file.unlink()
    assert main(["retrain", "--force", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "failed"
    assert "the store holds 0 posts of yours" in told["reason"]


def test_runs_are_listed_newest_last(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "nothing yet" in capsys.readouterr().out
    with open_runs(f"sqlite:///{folder / 'posts.db'}") as store:
        store.finish(store.begin("schedule"), "skipped", "3 new posts", 0.5, new_posts=3)
        known = {"new_posts": 1200, "candidate": "c", "candidate_bpb": 2.25, "incumbent_bpb": 2.125}
        store.finish(store.begin("by hand"), "refused", "it is worse", 90.0, figures={"posts": 7}, **known)
        store.begin("schedule")
    assert main(["runs", "--last", "2"]) == 0
    first, reason, second = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "2"
    assert "refused" in first
    assert "1,200 new posts, 2.250 (2.125) bits per byte, 1.5 minutes, by hand" in first
    assert reason == "      it is worse"
    assert second.split()[0] == "3"
    assert "running" in second
    assert main(["runs", "--json", "--last", "0"]) == 0
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert [run["verdict"] for run in told["runs"]] == ["skipped", "refused", "running"]
    assert told["runs"][1]["figures"] == {"posts": 7}
    assert main(["runs", "--last", "-1"]) == 1
    assert "--last -1: must be 0 (all) or more" in capsys.readouterr().err


@pytest.mark.slow
def test_a_full_disk_fails_and_what_serves_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkpoint, "save", checkpoint.save)  # which `full` replaces, and this puts back
    full()
    assert main([*sets(), "retrain", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["candidate"]) == ("failed", None)
    assert "no room left to save it" in told["reason"]
    assert checkpoint.ids(folder / "checkpoints") == []
