"""A sweep from its file to its answer: alone or two at a time, stopped, killed, and with runs that are given up."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from tests.training.lab.small_experiment import TEXT, beginning
from training.cli.main import main
from training.lab import results
from training.lab.comparison import ended_runs, rows_of, sweep_rows
from training.lab.results import Result
from training.lab.sweep_run import SweepWorker
from training.lock import training_lock

SWEEP = (
    beginning("which rate?")
    + """steps = 12
evaluations = 3
precision = "float32"
[sweep]
seeds = 1
finalists = 1
final_seeds = 2
baseline = "slow"
parallel = 2
early_margin = 0.0
tune."train.learning_rate" = [0.001]
[[sweep.variants]]
name = "slow"
[[sweep.variants]]
name = "fast"
tune = { "train.learning_rate" = [0.03, 1e38] }
"""
)
RUNS = {
    ("slow", 0.001, 0),
    ("fast", 0.03, 0),
    ("slow", 0.001, 1),
    ("fast", 0.03, 1),
    ("slow", 0.001, 2),
    ("fast", 0.03, 2),
}
"""All but those at rate 1e38, of which nothing is left."""

ONE = ["--parallel", "1", "--set", "train.devices=1"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "experiments").mkdir()
    (folder / "experiments" / "rates.toml").write_text(SWEEP)
    (folder / "text.txt").write_text(TEXT)
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr("training.lab.sweep_plan.usable_cores", lambda: 2)


def run(data: str, *more: str) -> int:
    """The command, in this process; the runs are in others."""
    return main(["experiment", "run", "rates", "--text", "text.txt", "--set", f"data.dir={data}", *more])


def known(result: Result) -> tuple[Any, ...]:
    return result.variant, result.tuned["train.learning_rate"], result.seed


def figures(data: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """What every run of a folder found, to the bit, with its learning curve."""
    found = {}
    for group in results.groups(Path(data) / "runs").values():
        for result in group:
            folder = results.folder_of(Path(data) / "runs", result.group, result.seed)
            curve = [point[1:] for point in results.evaluations(folder)]
            found[known(result)] = (result.val_reset_nats_per_char, result.val_stateful_nats_per_char, curve)
    return found


@pytest.fixture(scope="module")
def two_at_a_time(place: Path) -> dict[str, Any]:
    """The sweep as its file has it, and what it printed on standard error."""
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    line = ["experiment", "run", "rates", "--text", "text.txt", "--set", "data.dir=two", "--json"]
    command = [sys.executable, "-P", "-m", "training", *line]
    ran = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return {"json": json.loads(ran.stdout), "err": ran.stderr}


def test_every_seed_of_all_comes_before_the_next_and_finals_last(two_at_a_time: dict[str, Any]) -> None:
    seeds = [int(line.split("seed ")[1][0]) for line in two_at_a_time["err"].splitlines() if "seed " in line]
    assert sorted(seeds) == [0, 0, 0, 1, 1, 2, 2]
    assert seeds[:3] == [0, 0, 0]  # the finals wait for all of the screening
    assert seeds[3] == 1
    assert seeds[-1] == 2
    assert figures("two").keys() == RUNS


def test_it_ends_in_an_answer(two_at_a_time: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    fast, slow = two_at_a_time["json"]["rows"]
    assert (fast["name"], slow["name"], slow["verdict"]) == ("fast", "slow", "baseline")
    assert (fast["tuned"], fast["tried"], slow["tried"]) == ({"train.learning_rate": 0.03}, 2, 1)
    assert [seed["seed"] for seed in fast["seeds"]] == [1, 2]  # what it was chosen by is left out
    assert fast["difference"] == fast["difference"] | {"seeds": 2, "paired": True}
    assert fast["difference"]["mean"] < 0
    assert f"({fast['difference']['mean']:+.4f}, {fast['difference']['low']:+.4f} to " in fast["verdict"]
    assert [line.partition(": diverged: ")[0] for line in two_at_a_time["json"]["ended"]] == [
        "fast learning_rate=1e+38, seed 0"
    ]
    assert main(["experiment", "compare", "rates", "--set", "data.dir=two", "--picture", "two/answer.svg"]) == 0
    assert "fast (learning_rate 0.03)" in Path("two/answer.svg").read_text()
    out = capsys.readouterr().out
    assert "| learning_rate=0.03 (of 2) |" in out
    assert "two-core hours" in out
    assert [row.name for row in rows_of(Path("two/runs"), "rates:fast")] == ["rates:fast"]
    with pytest.raises(DannError, match=r"rates has no such variant; it has slow, fast$"):
        rows_of(Path("two/runs"), "rates:fats")
    assert main(["experiment", "list", "--set", "data.dir=two"]) == 0


@pytest.mark.usefixtures("two_at_a_time")
def test_a_finished_sweep_runs_nothing_again(capsys: pytest.CaptureFixture[str]) -> None:
    written = {path: path.stat().st_mtime_ns for path in Path("two/runs").glob("*/result.json")}
    assert run("two") == 0
    assert "7 runs are there and kept" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path("two/runs").glob("*/result.json")} == written


def test_two_sweeps_at_once_are_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    with training_lock(Path("busy/train.lock")):
        assert run("busy") == 1
    err = capsys.readouterr().err
    assert "a training is already running here" in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("two_at_a_time")
def test_one_at_a_time_stopped_and_killed_it_comes_to_the_same_bits(capsys: pytest.CaptureFixture[str]) -> None:
    """SIGTERM when the first run is done, kill -9 when the next is, and then to the end; as two at a time without a break."""
    stopped = started("cut")
    assert stopped.stderr
    assert "1 done" in stopped.stderr.readline()
    stopped.send_signal(signal.SIGTERM)
    _, err = stopped.communicate(timeout=120)
    assert stopped.returncode == 130, err
    assert "the same command goes on; what was under way begins again" in err
    killed = started("cut")
    assert killed.stderr
    assert "one that was cut off begins again" in killed.stderr.readline()
    assert " done" in killed.stderr.readline()
    killed.kill()
    killed.communicate()
    kept = {path: path.stat().st_mtime_ns for path in Path("cut/runs").glob("*/result.json")}
    assert 1 <= len(kept) < len(RUNS)
    assert run("cut", *ONE) == 0
    assert "are there and kept" in capsys.readouterr().err
    assert figures("cut") == figures("two")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def started(data: str) -> "subprocess.Popen[str]":
    line = ["experiment", "run", "rates", "--text", "text.txt", "--set", f"data.dir={data}", *ONE]
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-P", "-m", "training", *line], stdout=pipe, stderr=pipe, text=True)


def test_a_worker_ends_with_whoever_started_it() -> None:
    worker = SweepWorker(one_thread=True)
    assert worker._process.stdin
    worker._process.stdin.close()
    assert worker._process.wait(timeout=60) == 0
    worker.end()


def test_a_hopeless_run_is_ended_early_and_shown_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The fast one is done first; the slow one is then behind by more than 2 % at a third of its steps."""
    before, _ = SWEEP.split("[sweep]")
    rule = "seeds = 1\nearly_margin = 0.02\nearly_after = 1\n"
    over = 'over."train.learning_rate" = [0.03, 0.0001]\n'
    Path("experiments/hopeless.toml").write_text(f"{before}[sweep]\n{rule}{over}")
    more = ["--set", "train.devices=1", "--set", "data.dir=hopeless"]
    assert main(["experiment", "run", "hopeless", "--text", "text.txt", *more]) == 0
    out = capsys.readouterr().out
    assert "learning_rate=0.0001, seed 0: early: after 33% (4 steps) it had" in out
    assert "2% above the median of 1 finished runs there" in out
    [sweep] = [path.parent.name for path in Path("hopeless/runs").glob("*/plan.json")]
    assert len(ended_runs(Path("hopeless/runs"), sweep)) == 1
    assert [row.name for row in sweep_rows(Path("hopeless/runs"), sweep)] == ["learning_rate=0.03"]


def test_a_run_that_fails_ends_the_sweep_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("failing", "--set", "model.architecture=lstn", *ONE) == 1
    err = capsys.readouterr().err
    assert "slow learning_rate=0.001, seed 0: model.architecture: 'lstn' is not known" in err
    assert "finished runs are kept" in err
