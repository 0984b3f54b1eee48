"""The row in LOG.md says how an experiment was run and what it answered, once, and leaves the rest of the file alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from tests.training.lab.test_report import result, row
from training.cli.main import main
from training.lab import results
from training.lab.log import HEADING, answer, command, write_row
from training.lab.machine import Code, Machine, this_code, this_machine
from training.lab.preset import kept_overrides
from training.lab.report import Row, ranked
from training.lab.results import Ended
from training.lab.sweep_table import SweepTable

MACHINE = Machine(cores=2, processor="Some Xeon", fingerprint="0123456789ab")
BEFORE = "# What the experiments answered\n\n| another | table |\n|---|---|\n| x | y |\n"


def stored(runs: Path, name: str, *figures: float) -> None:
    for seed, figure in enumerate(figures):
        one = result(
            name, seed, figure, machine=MACHINE, code=Code(commit="a" * 40, clean=False), overrides=["train.steps=9"]
        )
        folder = results.folder_of(runs, one.group, seed)
        folder.mkdir(parents=True)
        results.save(folder, one)


def test_a_row_is_written_once_and_replaced_by_a_better_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("experiments/LOG.md")
    file.parent.mkdir()
    file.write_text(BEFORE)
    stored(Path("data/runs"), "idea", 1.50, 1.52, 1.51)
    stored(Path("data/runs"), "other", 1.60, 1.63, 1.61)
    assert main(["experiment", "log", "idea"]) == 0
    assert "LOG.md: row added" in capsys.readouterr().out
    once = file.read_text()
    assert once.startswith(BEFORE)
    [line] = [line for line in once.splitlines() if line.startswith("| idea-")]
    cells = [cell.strip() for cell in line.split("|")][1:-1]
    assert cells == [
        "idea-20300101-000000",
        "?",
        "idea 1.5100 ± 0.0100 (3) nats per character, val@256-reset",
        "`dann experiment run idea --text FILE --seeds 3 --set train.steps=9`",
        "aaaaaaaaaaaa, changed since",
        "2 cores, Some Xeon",
        "2030-01-01",
    ]
    assert main(["experiment", "log", "idea"]) == 0
    assert "there already" in capsys.readouterr().out
    assert file.read_text() == once
    assert main(["experiment", "log", "other"]) == 0
    assert main(["experiment", "log", "idea", "--against", "other"]) == 0
    assert "row replaced" in capsys.readouterr().out
    rows = [line for line in file.read_text().splitlines() if line.startswith(("| idea-", "| other-"))]
    assert [line.split("-")[0] for line in rows] == ["| idea", "| other"]
    assert "other 1.6133 ± 0.0153 (3) nats per character, val@256-reset; idea: better (-0.1033, " in rows[0]
    assert rows[0].count("--seeds 3") == 1


def test_a_run_that_was_stopped_is_logged_as_asked_for_and_says_so() -> None:
    rows = ranked([row("idea", 1.5, seeds_wanted=3)])
    assert command(rows) == "dann experiment run idea --text FILE --seeds 3"
    assert answer(rows).endswith("; stopped before 2 of 3 seeds")


def test_a_file_that_cannot_hold_it_is_one_line(tmp_path: Path) -> None:
    rows = ranked([row("idea", 1.5)])
    with pytest.raises(DannError, match=r"LOG.md: cannot be read .*; run this in dann's source tree$"):
        write_row(tmp_path / "LOG.md", rows)
    (tmp_path / "LOG.md").write_text(f"{HEADING}\n\nsomebody removed the table\n")
    with pytest.raises(DannError, match="there is no table below"):
        write_row(tmp_path / "LOG.md", rows)


def test_a_sweeps_row_has_every_difference_from_its_baseline(tmp_path: Path) -> None:
    tuned = {"sweep": "idea-20300101-000000", "tuned": {"train.learning_rate": 0.03}}
    best = Row("new", row("idea", 1.50, 1.52, 1.51, **tuned).results, tried=4)
    base = Row("old", row("idea", 1.60, 1.63, 1.61, **tuned).results, tried=2)
    (tmp_path / "LOG.md").write_text(BEFORE)
    assert write_row(tmp_path / "LOG.md", ranked([base, best], "old")) == "added"
    line = (tmp_path / "LOG.md").read_text().splitlines()[-1]
    assert "old at learning_rate=0.03 (of 2) 1.6133" in line
    assert "new at learning_rate=0.03 (of 4): better (-0.1033" in line
    assert "`dann experiment run idea --text FILE`" in line  # the sweep's own seeds


SWEEP = "q-20301130-000000"


def a_sweep(runs: Path, baseline: str, outcomes: list[list[float | None]], **more: Any) -> None:
    """Variants a, b, ... with one candidate each, of a seed to choose by and two finals; None diverged."""
    table = SweepTable(seeds=1, finalists=2, final_seeds=2, baseline=baseline)
    candidates = [{"variant": "abc"[number], "tuned": {}} for number in range(len(outcomes))]
    (runs / SWEEP).mkdir(parents=True)
    plan = {"digest": "x", "table": table.model_dump(mode="json"), "candidates": candidates, **more}
    (runs / SWEEP / "plan.json").write_text(json.dumps(plan))
    for number, figures in enumerate(outcomes):
        for seed, figure in enumerate(figures):
            group = f"{SWEEP}-{number:03}"
            folder = results.folder_of(runs, group, seed)
            folder.mkdir()
            if figure is None:
                (folder / "ended.json").write_text(Ended(ending="diverged", message="?").model_dump_json())
            else:
                results.save(folder, result("q", seed, figure, group=group, sweep=SWEEP, variant="abc"[number]))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/LOG.md").write_text(BEFORE)
    return Path("data/runs")


def test_what_diverged_or_is_missing_is_in_the_row_and_in_the_table(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--seeds", "1", "--set", "experiment.posts=100", "--set", "experiment.question=why not?"]
    a_sweep(runs, "a", [[1.6, 1.61, 1.62], [1.5, 1.51, None], [None]], options=options)
    assert main(["experiment", "log", "q"]) == 0
    line = Path("experiments/LOG.md").read_text().splitlines()[-1]
    assert "a 1.6150 ± 0.0071 (2) " in line
    assert "; b: 1 of 2 finals diverged; c: all diverged |" in line
    given = "--seeds 1 --set experiment.posts=100 --set 'experiment.question=why not?'"
    assert f"`dann experiment run q --text FILE {given}`" in line
    assert "not finished" not in line
    (results.folder_of(runs, f"{SWEEP}-000", 2) / "result.json").unlink()
    assert main(["experiment", "log", "q"]) == 0
    line = Path("experiments/LOG.md").read_text().splitlines()[-1]
    assert "; not finished: 1 of 4 final runs are missing |" in line
    capsys.readouterr()
    assert main(["experiment", "compare", "q"]) == 0
    assert f"{SWEEP}: not finished: 1 of 4 final runs are missing" in capsys.readouterr().out
    assert main(["experiment", "compare", "q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unfinished"] == {SWEEP: "1 of 4 final runs are missing"}


def test_against_a_sweep_is_against_its_baseline(runs: Path) -> None:
    a_sweep(runs, "a", [[1.6, 1.61, 1.62], [1.5, 1.51, 1.52]])
    stored(runs, "idea", 1.50, 1.52, 1.51)
    for against, named in (("q", "q:a"), ("q:b", "q:b")):
        assert main(["experiment", "log", "idea", "--against", against]) == 0
        line = Path("experiments/LOG.md").read_text().splitlines()[-1]
        assert f"| {named} 1.{'6' if named == 'q:a' else '5'}150 ± 0.0071 (2) nats" in line
        assert "; idea: " in line


def test_against_a_sweep_without_a_baseline_asks_for_a_variant(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_sweep(runs, "", [[1.6, 1.61, 1.62], [1.5, 1.51, 1.52]])
    stored(runs, "idea", 1.50)
    assert main(["experiment", "log", "idea", "--against", "q"]) == 1
    assert capsys.readouterr().err == (
        "dann: --against q: is a sweep without a baseline; name one of its variants: q:a, q:b\n"
    )


def test_options_that_change_a_run_are_kept_and_a_texts_path_is_not() -> None:
    given = ["experiment.posts=100", "sweep.draws=20", "train.steps=5", "data.context_turns=0"]
    assert kept_overrides([*given, "experiment.text=/home/me/a.txt", "data.dir=/home/me", "data.me=me"]) == given


def test_machine_and_code_name_neither_person_nor_host() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert len(machine.fingerprint) == 12
    assert this_machine() is machine
    code = this_code()
    assert code.commit == "" or len(code.commit) == 40
