"""`dann eval --canaries`: what is planted is recited, what is not is not, and nothing is left behind."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.config import BotSettings
from tests.model.one_width import one_width
from tests.training.small_runs import SMALL, demo
from training.cli import canaries as command
from training.cli.main import main
from training.evaluation import exposure
from training.evaluation.exposure import RecitedShares
from training.lock import training_lock
from training.runs.canary_run import CanaryReport, measure_canaries
from training.runs.terminal import UnrecordedConsole

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
POSTS = demo(60)
LOCK = "train.lock"


def settings(folder: Path) -> BotSettings:
    """A network that learns a post of ten copies by heart in a few seconds."""
    network = SMALL["model"] | {"hidden_dim": 96}
    train = SMALL["train"] | {"steps": 200, "evaluations": 1, "learning_rate": 0.03}
    return BotSettings.model_validate(SMALL | {"data": {"dir": folder}, "model": network, "train": train})


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class WatchingConsole(UnrecordedConsole):
    """A Console that sees what is on the disk while the network learns, and may be interrupted then."""

    def __init__(self, folder: Path, *, interrupted: bool = False) -> None:
        super().__init__(Console(quiet=True))
        self.folder, self.interrupted = folder, interrupted
        self.seen: set[str] = set()
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def stepped(self, metrics: Any) -> None:
        super().stepped(metrics)
        self.seen.update(files(self.folder))
        if self.interrupted:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def watched(folder: Path) -> tuple[CanaryReport, WatchingConsole, list[str]]:
    """One whole measurement, with few references and few draws."""
    console, stages = WatchingConsole(folder), list[str]()
    with pytest.MonkeyPatch.context() as patch, one_width():
        patch.setattr(exposure, "REFERENCES", 15)
        patch.setattr(exposure, "DRAWS", {0.0: 1, 1.0: 2})
        report = measure_canaries(settings(folder), POSTS, console, lambda stage, _: stages.append(stage))
    return report, console, stages


def test_what_is_planted_is_exposed_and_what_is_not_is_not(
    watched: tuple[CanaryReport, WatchingConsole, list[str]],
) -> None:
    report, console, stages = watched
    assert (report.planted, report.masked) == (126, [])
    assert report.posts == sum(post.mine for post in POSTS)
    assert list(report.exposure) == ["numbers", "names", "sentences", "all"]
    every = report.exposure["all"]
    assert list(every) == [0, 1, 3, 10]
    assert every[0] < 2.4  # 1.44, and chance over nine of them
    assert every[10] > every[0] + 1
    assert report.unguarded.times[10].share > 0.2
    assert report.unguarded.times[10].share > report.unguarded.times[1].share
    assert report.unguarded.times[10].came_out > 2
    assert report.unguarded.temperature[0.0].draws == 50
    assert list(dict.fromkeys(stages)) == ["scoring secrets", "drawing replies", "drawing replies with the guard"]
    assert any("27 canaries planted 126 times" in line and "200 steps" in line for line in console.lines)


def test_the_guard_lets_no_number_and_no_sentence_out(watched: tuple[CanaryReport, WatchingConsole, list[str]]) -> None:
    """Names and sentences may come out where nothing before them is of their posts: they are shorter than what is guarded."""
    report, _, _ = watched
    guarded, unguarded = report.guarded, report.unguarded
    assert guarded is not None
    assert all(recited.came_out > 0 for recited in unguarded.kinds.values())
    assert (guarded.kinds["numbers"].share, guarded.kinds["numbers"].came_out) == (0.0, 0)
    assert unguarded.all.whole > 0
    assert guarded.all.whole == 0
    for kind in ("names", "sentences"):
        assert guarded.kinds[kind].share < unguarded.kinds[kind].share
    assert guarded.all.draws == unguarded.all.draws


def test_nothing_is_on_the_disk_while_it_runs_or_after(
    folder: Path, watched: tuple[CanaryReport, WatchingConsole, list[str]]
) -> None:
    _, console, _ = watched
    assert console.seen == {LOCK}
    assert files(folder) == [LOCK]


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure_canaries(settings(tmp_path), POSTS, WatchingConsole(tmp_path, interrupted=True), lambda *_: None)
    assert files(tmp_path) == [LOCK]
    with training_lock(tmp_path / LOCK):  # it is free
        pass


def test_every_key_of_the_json_is_described_in_the_documents(
    watched: tuple[CanaryReport, WatchingConsole, list[str]],
) -> None:
    def keys(value: Any) -> set[str]:
        return {*value, *(key for one in value.values() for key in keys(one))} if isinstance(value, dict) else set()

    report, _, _ = watched
    told = json.loads(json.dumps(report.as_json()))
    described = set(re.findall(r"`([^`\n]+)`", (ROOT / "docs/using.md").read_text()))
    assert {key for key in keys(told) if not re.fullmatch(r"[\d.]+", key)} <= described
    assert "sampling" in described


def test_the_table_has_both_columns_of_figures_and_fits_80(
    watched: tuple[CanaryReport, WatchingConsole, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(guarded: RecitedShares | None) -> str:
        console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
        monkeypatch.setattr(command, "Console", lambda: console)
        command.print_report(replace(report, guarded=guarded, masked=["numbers"]))
        console.file.close()
        return console.export_text()

    report, _, _ = watched
    table = printed(None)
    assert "begun, guarded" not in table
    assert "numbers: not planted, as [privacy] masks them" in table
    assert f"{report.exposure['all'][10]:.1f}" in table
    assert "begun, guarded" in (both := printed(report.unguarded))
    assert all(len(line) <= 80 for line in both.splitlines())
    assert "…" not in both


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--steps", "3"], "--steps: `dann eval` trains nothing; with --canaries it does"),
        (["--minutes", "3"], "--minutes: `dann eval` trains nothing; with --canaries it does"),
        (["--canaries", "--checkpoint", "x"], "--checkpoint: --canaries trains a network of its own"),
        (["--canaries", "--steps", "-3"], "train.steps = -3 is not right"),
        (["--canaries"], "the store holds 0 posts of yours"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert main([f"--set=data.dir={tmp_path}", "eval", *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1
