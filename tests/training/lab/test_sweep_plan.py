"""A sweep's table becomes its candidates, or one line that says what is wrong with it."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from training.lab.preset import ExperimentSettings, load_preset
from training.lab.run import ended_by
from training.lab.sweep_plan import Plan, make_plan

PRESETS = Path(__file__).parents[3] / "experiments"


def planned(folder: Path, written: str, sets: Sequence[str] = ()) -> Plan:
    file = folder / "mine.toml"
    file.write_text(written)

    def load(more: Sequence[str]) -> ExperimentSettings:
        return load_preset(str(file), Path("/dev/null"), [*sets, *more])

    return make_plan(file, load([]).sweep, load)


def test_each_variant_has_each_value_of_what_is_tuned(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """
        [train]
        steps = 7
        [sweep]
        seeds = 3
        over."model.num_layers" = [1, 2]
        tune."train.learning_rate" = [0.01, 0.1]
        [[sweep.variants]]
        name = "plain"
        [[sweep.variants]]
        name = "bare"
        train.optimizer = "sgd"
        "train.momentum" = 0.0
        tune = {}
        """,
    )
    assert plan.variants == [
        "plain num_layers=1", "plain num_layers=2", "bare num_layers=1", "bare num_layers=2",
    ]  # fmt: skip
    assert [c.label for c in plan.candidates][:2] == [
        "plain num_layers=1 learning_rate=0.01",
        "plain num_layers=1 learning_rate=0.1",
    ]
    assert len(plan.candidates) == 6
    last = plan.candidates[-1].settings
    assert (last.train.optimizer, last.train.momentum, last.model.num_layers, last.train.steps) == ("sgd", 0.0, 2, 7)
    assert plan.candidates[1].settings.train.learning_rate == 0.1
    assert plan.candidates[1].settings.train.devices == "auto"


def test_a_range_is_drawn_from_and_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    written = """
        [sweep]
        seeds = 1
        draws = 40
        draw_seed = SEED
        tune."train.learning_rate" = { log = [0.0001, 1.0] }
        tune."model.hidden_dim" = { linear = [10, 20] }
        tune."train.schedule" = ["wsd", "cosine"]
        """
    first, same, other = (
        [c.tuned for c in planned(tmp_path, written.replace("SEED", seed)).candidates] for seed in ("1", "1", "2")
    )
    assert first == same != other
    assert len(first) == 40
    rates = [tuned["train.learning_rate"] for tuned in first]
    assert 0.0001 <= min(rates) < 0.001
    assert 0.1 < max(rates) <= 1.0
    assert 12 <= sum(rate < 0.01 for rate in rates) <= 28  # as many below the middle of the logarithms as above
    assert {tuned["model.hidden_dim"] for tuned in first} <= set(range(10, 21))
    assert {tuned["train.schedule"] for tuned in first} == {"wsd", "cosine"}
    few = planned(tmp_path, '[sweep]\nseeds = 1\ndraws = 40\nover."model.num_layers" = { linear = [1, 3] }\n')
    assert sorted(few.variants) == ["num_layers=1", "num_layers=2", "num_layers=3"]


def test_more_seeds_are_the_same_sweep_and_other_settings_another(tmp_path: Path) -> None:
    written = '[sweep]\nseeds = 2\nover."train.batch_size" = [4, 8]\n'
    plan = planned(tmp_path, written)
    more = planned(tmp_path, written.replace("seeds = 2", "seeds = 5\nparallel = 1"))
    others = [
        planned(tmp_path, written, ["train.beta1=0.5"]),
        planned(tmp_path, f"[experiment]\nthinking = 1\n{written}"),
    ]
    assert plan.digest("text") == more.digest("text")
    assert plan.digest("text") not in {other.digest("text") for other in others}
    assert plan.digest("text") != plan.digest("another")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('over."train.batch_size" = [4]', "seeds is not set; give a number of seeds of 1 or more there, or with --seeds"),
        ('seeds = 1\nover."train.batchsize" = [4]', "train.batchsize is no setting; did you mean train.batch_size?"),
        ('seeds = 1\nover."train.batch_size" = []', "over: train.batch_size = [] leaves nothing to try"),
        ('seeds = 1\nover."train.batch_size" = 4', "over: train.batch_size = 4 must be a list of values, or a range"),
        ('seeds = 1\nover."train.batch_size" = [4, "x"]', "train.batch_size = 'x' is not right: it must be a whole number"),
        ('seeds = 1\ntune."train.learning_rate" = { log = [0, 1] }', "tune: train.learning_rate is no range; write { log"),
        ('seeds = 1\ntune."train.learning_rate" = { log = [0.1, 1] }', "is a range, of which sweep.draws values are drawn"),
        ('seeds = 1\nover."train.seed" = [1, 2]', "a sweep does not go over train.seed: sweep.seeds says how many there are"),
        ('seeds = 1\nover."data.dir" = ["x"]', "a sweep does not go over data.dir: it is the same for all runs"),
        ('seeds = 1\nover."train.devices" = [1]', "a sweep does not go over train.devices: sweep.parallel says it"),
        ('seeds = 1\nfinalists = 2\nover."train.batch_size" = [4]', "finalists and final_seeds go together"),
        ('seeds = 1\nrunoff_seeds = 2\nover."train.batch_size" = [4]', "runoff_seeds is set, and is of the finalists"),
        ('seeds = 1\nbaseline = "x"\nover."train.batch_size" = [4]', "baseline is 'x'; the variants are batch_size=4"),
        ('seeds = 1\nparallel = 1000\nover."train.batch_size" = [4]', "parallel is 1000, and this machine has"),
        ('seeds = 1\n[[sweep.variants]]\n"train.steps" = 3', "a variant has no name; give each of [[sweep.variants]]"),
        ('seeds = 1\nover."train.batch_size" = [4, 4]', "two variants are called 'batch_size=4'; name each differently"),
        ('seeds = 1\n[[sweep.variants]]\nname = "a"\ntune = 3', "variant 'a': tune must be a table of keys with lists"),
        ('seeds = 1\nsteps = 3', "sweep.steps is no setting; did you mean sweep.seeds?"),
        ('seeds = 1\n[[sweep.variants]]\nname = "a"\ntrain = { epochs = 3, steps = 2 }', "steps and epochs both say"),
        ('seeds = 1\nover."train.beta1" = [0.1]\ntune."train.beta1" = [0.2]', "has train.beta1 twice, in over and in tune"),
        ('seeds = 1\nover."train.steps" = [1]\n[[sweep.variants]]\nname = "a"\ntrain.steps = 2', "'a' has train.steps twice"),
        ('seeds = 1\n[[sweep.variants]]\nname = "a"\ntrain.steps = 2\ntune."train.steps" = [3]', "of its own and in tune"),
        ('seeds = 1\nover."train.beta1" = [2026-01-01]', "train.beta1 has a date or a time, which no setting is"),
        ('seeds = 1\n[[sweep.variants]]\nname = "a"\ntrain.beta1 = 10:00:00', "train.beta1 has a date or a time"),
        ('seeds = 1', "there is nothing to try; give it over, tune or [[sweep.variants]]"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_one_line(tmp_path: Path, written: str, message: str) -> None:
    with pytest.raises(DannError) as caught:
        planned(tmp_path, f"[sweep]\n{written}\n")
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'mine.toml'}: ")
    assert "\n" not in str(caught.value)
    assert "--set:" not in str(caught.value)


def sweeps() -> list[str]:
    files = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in PRESETS.glob("*.toml")}
    return sorted(name for name, file in files.items() if "sweep" in file)


@pytest.mark.parametrize("name", sweeps())
def test_every_sweep_there_is_can_be_planned(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with two cores, which is what the budgets are of."""
    monkeypatch.setattr("training.lab.sweep_plan.usable_cores", lambda: 2)
    path = PRESETS / f"{name}.toml"

    def load(more: Sequence[str]) -> Any:
        return load_preset(str(path), Path("/dev/null"), more)

    plan = make_plan(path, load([]).sweep, load)
    assert len(plan.variants) > 1
    assert 0 < plan.table.two_core_hours <= 2
    assert all(ended_by(c.settings.train) != "minutes" for c in plan.candidates)
    assert all(c.settings.train.precision != "auto" for c in plan.candidates)  # which machines take otherwise
