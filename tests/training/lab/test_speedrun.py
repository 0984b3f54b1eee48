"""A speedrun: both recipes in turns, each in a process of its own that finds nothing compiled, timed from its start."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.lab.small_experiment import TEXT, beginning
from tests.training.lab.test_report import result, row
from training.cli.main import main
from training.lab.preset import load_preset
from training.lab.report import Row
from training.lab.results import Result
from training.lab.speedrun import Race, Recipe, last_record, markdown, race, timed

RECIPE = beginning("how soon?") + "steps = STEPS\nevaluations = 1\ndevices = 1\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("text.txt").write_text(TEXT)
    for name, steps in (("speedrun-0", "4"), ("speedrun", "2")):
        Path(f"experiments/{name}.toml").write_text(RECIPE.replace("STEPS", steps))


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_a_run_is_timed_from_the_start_of_its_process() -> None:
    recipe = Recipe("speedrun", load_preset("speedrun", None, []))
    found = timed(recipe, "speedrun-record-20300101-000000", "text.txt", 3, lambda: False)
    assert found
    assert (found.seed, found.steps, found.by) == (3, 2, "steps")
    assert found.ready_seconds is not None
    assert found.ready_seconds > found.seconds > 0  # the process had to start, and to compile


def test_recipes_take_turns_and_swap_places(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a run is, is tested above; here only their order."""
    ran: list[tuple[str, int]] = []

    def run(recipe: Recipe, group: str, _text: str, seed: int, _stopping: Callable[[], bool]) -> Result:
        ran.append((recipe.name, seed))
        return result(recipe.name, seed, 1.46, group=group, ready_seconds=40.0 + 10 * len(ran))

    monkeypatch.setattr("training.lab.speedrun.timed", run)
    assert main(["experiment", "speedrun", "--text", "text.txt", "--seeds", "2", "--json"]) == 0
    assert ran == [("speedrun-0", 0), ("speedrun", 0), ("speedrun", 1), ("speedrun-0", 1)]
    out = json.loads(capsys.readouterr().out)
    assert [seed["ready_seconds"] for seed in out["record"]["seeds"]] == [50.0, 80.0]
    assert [seed["ready_seconds"] for seed in out["challenger"]["seeds"]] == [60.0, 70.0]


def test_the_record_is_the_last_there_is_unless_another_is_named() -> None:
    assert last_record(["q-batch", "speedrun", "speedrun-2", "speedrun-10", "speedrun-9-old"]) == "speedrun-10"
    assert last_record(["speedrun"]) == "speedrun-0"


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_a_run_is_stopped_in_its_middle() -> None:
    endless = Recipe("speedrun", load_preset("speedrun", None, ["train.steps=1000000"]))

    def has_begun() -> bool:
        return any(endless.settings.data.runs.glob("*/metrics.jsonl"))

    said: list[str] = []
    assert race(endless, endless, "text.txt", 2, said.append, has_begun) == Race([], [])
    assert not said
    assert has_begun()
    assert not any(endless.settings.data.runs.glob("*/result.json"))


def test_a_race_that_is_stopped_shows_the_seeds_that_both_have_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left = [True] * 3

    def run(recipe: Recipe, group: str, _text: str, seed: int, _stopping: Callable[[], bool]) -> Result | None:
        return result(recipe.name, seed, 1.46, group=group, ready_seconds=40.0) if left and left.pop() else None

    monkeypatch.setattr("training.lab.speedrun.timed", run)
    assert main(["experiment", "speedrun", "--text", "text.txt"]) == 130
    table = capsys.readouterr().out.splitlines()
    assert [line.split("|")[5].strip() for line in table[2:4]] == ["40.0", "40.0"]


def test_the_answer_is_of_pairs_and_says_whether_the_figure_was_reached() -> None:
    def took(name: str, figure: float, *seconds: float) -> Row:
        rows = row(name, *[figure] * len(seconds))
        return Row(
            name, [r.model_copy(update={"ready_seconds": s}) for r, s in zip(rows.results, seconds, strict=True)]
        )

    run = Race(took("old", 1.46, 80.0, 90.0, 85.0).results, took("new", 1.48, 40.0, 44.0, 42.0).results)
    assert run.seconds.verdict(1.0) == "better"
    table = markdown(run).splitlines()
    assert table[2] == "| old | 1.4600 | yes | 85.0 | 80.0, 90.0, 85.0 |"
    assert table[3].startswith("| new | 1.4800 | no, +0.0103 | 42.0 |")
    assert table[-1].startswith("-43.0000, ")
    assert table[-1].endswith("the challenger takes 0.494 of the record's time")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "text.txt", "--seeds", "0"], "--seeds 0: must be from 1 to 1000"),
        (["--text", "gone.txt"], "gone.txt: cannot be read"),
        (["--text", "text.txt", "--record", "speedrun-7"], "experiments/speedrun-7.toml: there is no such experiment"),
        (["--text", "text.txt", "--set", "train.steps=0"], "speedrun-0: ends by minutes; a speedrun's recipe ends by"),
    ],
)
def test_what_cannot_be_raced_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", "speedrun", *arguments]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
