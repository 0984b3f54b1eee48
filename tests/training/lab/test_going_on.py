"""Which seeds of an experiment are trained when it is run again, and what posts do to a sweep. Nothing is trained."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from tests.training.lab.test_report import result
from tests.training.small_runs import demo
from training.cli.main import main
from training.lab import results, run, worker
from training.lab.preset import ExperimentSettings
from training.lab.results import Result
from training.lab.sweep_plan import Candidate, Plan
from training.lab.sweep_run import Surroundings, _open_sweep, _text_sha256
from training.lab.sweep_table import SweepTable
from training.lab.worker import Order
from training.store.posts import open_store

SETTINGS = ExperimentSettings().model_validate({"train": {"steps": 5}})


class Text:
    sha256, split = "ab" * 32, "the first 90 % train"


class Says:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that were trained, of which seed 7 stops."""
    monkeypatch.chdir(tmp_path)
    seeds: list[int] = []

    def run_seed(settings: ExperimentSettings, seed: int, named: run.RunName, *_: Any) -> Result | None:
        folder = results.folder_of(settings.data.runs, named.group, seed)
        assert not folder.exists()
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_text("begun")
        if seed == 7:
            return None
        seeds.append(seed)
        one = result("idea", seed, 1.5, group=named.group, identity=named.identity, seeds_wanted=named.seeds)
        results.save(folder, one)
        return one

    monkeypatch.setattr(run, "run_seed", run_seed)
    return seeds


def ran(
    seeds: int, settings: ExperimentSettings = SETTINGS, text: Any = Text, **more: Any
) -> tuple[list[int], str, int]:
    """The seeds that there are then, what was said, and how many groups there are."""
    console: Any = Says()
    found = run.run_seeds(settings, "idea", text(), seeds, lambda: console, bool, **more)
    return [one.seed for one in found], "".join(console.lines), len(results.groups(settings.data.runs))


def test_more_seeds_join_those_that_are_there(trained: list[int]) -> None:
    assert ran(2) == ([0, 1], "", 1)
    seeds, said, groups = ran(4)
    assert (seeds, groups, trained) == ([0, 1, 2, 3], 1, [0, 1, 2, 3])
    assert "seeds 0, 1 there and kept; --fresh trains all of them again" in said
    assert ran(4)[2] == 2  # nothing was missing: once more from the beginning
    assert ran(3, fresh=True)[2] == 3


def test_a_run_that_was_stopped_goes_on_and_what_was_cut_off_begins_again(trained: list[int]) -> None:
    assert ran(9) == ([*range(7)], "", 1)
    seeds, _, groups = ran(9)
    assert (seeds, groups, trained) == ([*range(7)], 1, [*range(7)])


@pytest.mark.usefixtures("trained")
def test_other_settings_another_text_or_another_network_are_another_group(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(Text):
        sha256 = "cd" * 32

    assert ran(1)[2] == 1
    asked = SETTINGS.model_copy(update={"experiment": SETTINGS.experiment.model_copy(update={"question": "why?"})})
    assert ran(2, asked)[2] == 1  # the question changes nothing
    faster = SETTINGS.model_copy(update={"train": SETTINGS.train.model_copy(update={"learning_rate": 0.5})})
    assert ran(3, faster)[2] == 2
    assert ran(3, text=Other)[2] == 3
    monkeypatch.setattr(run, "compared_code", lambda: "another")
    assert ran(3)[2] == 4


def test_an_experiment_without_a_sweep_has_nothing_to_run_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "idea.toml").write_text("[train]\nsteps = 3\n")
    path = str(tmp_path / "idea.toml")
    assert main(["experiment", "run", path, "--parallel", "2", "--set", f"data.dir={tmp_path}"]) == 1
    assert capsys.readouterr().err == (f"dann: --parallel 2: is for sweeps, and {path} has no [sweep]; leave it out\n")


def of_posts(folder: Path, sets: dict[str, Any]) -> ExperimentSettings:
    return ExperimentSettings().model_validate({"data": {"dir": folder, **sets.pop("data", {})}, **sets})


def add(folder: Path, count: int) -> None:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo(count))


def opened(settings: ExperimentSettings, sha256: str, said: Sequence[str] = ()) -> str:
    plan = Plan("mine", SweepTable(seeds=1), [Candidate(0, "a", {}, settings)])
    around = Surroundings(
        settings.data.runs, Path("lock"), "", list(said).append, bool, ["train.steps=3"], ["--seeds", "1"]
    )
    return _open_sweep(plan, around, sha256, fresh=False).id


def test_a_sweep_on_posts_goes_on_with_the_same_posts_alone(tmp_path: Path) -> None:
    add(tmp_path, 100)
    settings = of_posts(tmp_path, {})
    sha256 = _text_sha256(settings, "")
    first = opened(settings, sha256)
    plan = json.loads((settings.data.runs / first / "plan.json").read_text())
    assert plan["options"] == ["--seeds", "1", "--set", "train.steps=3"]
    assert opened(settings, _text_sha256(settings, "")) == first
    others: list[dict[str, Any]] = [
        {"data": {"context_turns": 0}}, {"data": {"conversation_gap_minutes": 1e-6}}, {"privacy": {"words": ["the"]}},
    ]  # fmt: skip
    digests = {_text_sha256(of_posts(tmp_path, dict(other)), "") for other in others}
    add(tmp_path, 101)
    digests.add(_text_sha256(settings, ""))
    assert len(digests | {sha256}) == 5
    assert opened(settings, _text_sha256(settings, "")) != first
    assert _text_sha256(of_posts(tmp_path, {"data": {"inbox": "other"}}), "") == _text_sha256(settings, "")


def test_a_run_refuses_other_posts_than_the_sweep_began_with(tmp_path: Path) -> None:
    add(tmp_path, 100)
    settings = of_posts(tmp_path, {"train": {"devices": 1}})
    order = Order(
        settings=settings.model_dump(mode="json"), text="", text_sha256="ab" * 32, seed=0, experiment="mine",
        group="mine-20301130-000000-000", sweep="mine-20301130-000000", variant="a", tuned={}, overrides=[],
    )  # fmt: skip
    with pytest.raises(
        DannError, match=r"^the posts in the store are others than when the sweep began, and runs on both"
    ):
        worker._train(order)
    assert not settings.data.runs.exists()
