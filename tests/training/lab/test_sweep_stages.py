"""Screening, run-off and finals: which runs come when, and which of them is a variant's figure. Nothing is trained."""

import math
from pathlib import Path

import pytest

from tests.training.lab.test_report import result
from training.lab.comparison import row_of
from training.lab.preset import ExperimentSettings
from training.lab.results import Ended
from training.lab.sweep import Sweep
from training.lab.sweep_plan import Candidate, Plan
from training.lab.sweep_table import SweepTable

RATES = {"adamw": (0.03, 0.1), "muon": (0.01, 0.03, 0.1), "sgd": (1.0,), "lion": (0.001, 0.003)}
LUCKY = {("adamw", 0.1): 1.69, ("adamw", 0.03): 1.68, ("muon", 0.01): 1.9, ("muon", 0.03): 1.63, ("muon", 0.1): 1.64}
"""What a seed says at random: AdamW is better at 0.03 there, and in truth at 0.1. The rest stands at 2."""


def sweep(*, runoff_seeds: int) -> Sweep:
    settings = ExperimentSettings()
    pairs = [(name, rate) for name, rates in RATES.items() for rate in rates]
    candidates = [
        Candidate(number, name, {"train.learning_rate": rate}, settings) for number, (name, rate) in enumerate(pairs)
    ]
    table = SweepTable(seeds=1, finalists=2, final_seeds=2, runoff_seeds=runoff_seeds, baseline="adamw")
    return Sweep("which", Plan("which", table, candidates), Path())


def played(of: Sweep) -> list[tuple[str, float, int, bool]]:
    """Run everything, each at once when it can begin; returns the runs in their order."""
    runs = []
    while queued := of.queue():
        run, rate = queued[0], queued[0].candidate.tuned["train.learning_rate"]
        name = run.candidate.variant
        figure = LUCKY.get((name, rate), 2.0 + rate) if run.seed == 0 else {"adamw": 1.8 - rate}.get(name, 1.6 + rate)
        hopeless = (name, rate) == ("lion", 0.001)
        outcome = Ended(ending="early", message="?") if hopeless else result("which", run.seed, figure)
        of.outcomes[run.candidate.number, run.seed] = outcome
        runs.append((name, rate, run.seed, run.final))
    return runs


def shown(of: Sweep, variant: str) -> tuple[float, list[int], list[int]]:
    """A variant's best rate, the seeds that are its figure, and those it was chosen by."""
    best, row = of.best(variant), row_of(of, variant)
    assert best
    assert row
    assert row.tried == len(RATES[variant])
    return best.tuned["train.learning_rate"], [r.seed for r in row.results], [r.seed for r in row.screened]


def test_in_a_run_off_the_two_best_of_each_finalist_are_tried_again() -> None:
    """Of the variants only the finalists, whoever would be one by now; of one candidate there is nothing to choose."""
    of = sweep(runoff_seeds=2)
    runs = played(of)
    assert [seed for _, _, seed, _ in runs] == [0] * 8 + [1] * 4 + [2] * 4 + [3] * 3 + [4] * 3
    tried = {(name, rate) for name, rate, seed, _ in runs if seed in {1, 2}}
    assert tried == {("adamw", 0.03), ("adamw", 0.1), ("muon", 0.03), ("muon", 0.1)}
    finals = {(name, rate) for name, rate, _, final in runs if final}
    assert finals == {("adamw", 0.1), ("muon", 0.03), ("lion", 0.003)}  # SGD was worse by one seed
    assert shown(of, "adamw") == (0.1, [3, 4], [0, 1, 2])
    assert shown(of, "muon") == (0.03, [3, 4], [0, 1, 2])
    assert shown(of, "sgd") == (1.0, [0], [])


def test_without_one_the_best_of_the_screening_goes_on() -> None:
    of = sweep(runoff_seeds=0)
    finals = [(name, rate, seed) for name, rate, seed, final in played(of) if final]
    assert finals == [(*one, seed) for seed in (1, 2) for one in (("muon", 0.03), ("adamw", 0.03), ("lion", 0.003))]
    assert shown(of, "adamw") == (0.03, [1, 2], [0])


def test_more_seeds_to_choose_by_keep_what_there_is() -> None:
    """A sweep that has ended is given a run-off: what was final is chosen by, and only what is missing is run."""
    of = sweep(runoff_seeds=0)
    before = len(played(of))
    again = sweep(runoff_seeds=2)
    again.outcomes.update(of.outcomes)
    runs = played(again)
    assert before == 8 + 6
    assert {(name, rate, seed) for name, rate, seed, _ in runs} == {
        *(("adamw", 0.1, seed) for seed in (1, 2, 3, 4)),
        *(("muon", 0.1, seed) for seed in (1, 2)),
        *((*one, seed) for seed in (3, 4) for one in (("muon", 0.03), ("lion", 0.003))),
    }
    assert shown(again, "adamw") == (0.1, [3, 4], [0, 1, 2])


@pytest.mark.parametrize("seed", [1, 2])
def test_one_that_fails_in_the_run_off_is_not_the_best(seed: int) -> None:
    of = sweep(runoff_seeds=2)
    number = next(c.number for c in of.plan.candidates if (c.variant, c.tuned["train.learning_rate"]) == ("adamw", 0.1))
    of.outcomes[number, seed] = Ended(ending="diverged", message="nan")
    played(of)
    assert shown(of, "adamw")[0] == 0.03


def partial(table: SweepTable, figures: dict[str, list[list[float | None]]]) -> Sweep:
    """A sweep of one learning rate a list, with the figures of its seeds; None is a run that is missing, NaN one given up."""
    settings, candidates = ExperimentSettings(), list[Candidate]()
    of = Sweep("which", Plan("which", table, candidates), Path())
    for variant, rates in figures.items():
        for seeds in rates:
            candidate = Candidate(len(candidates), variant, {"train.learning_rate": len(candidates)}, settings)
            candidates.append(candidate)
            for seed, figure in enumerate(seeds):
                if figure is not None:
                    gone = math.isnan(figure)
                    outcome = Ended(ending="diverged", message="?") if gone else result("which", seed, figure)
                    of.outcomes[candidate.number, seed] = outcome
    return of


GONE = float("nan")


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ([[2.5, 2.5], [1.5, None]], 1),  # by the seed that both have
        ([[1.5, 2.5], [1.6, None]], 0),
        ([[1.5, None], [1.4, GONE], [1.6, 1.6]], 0),  # one that was given up does not compete
        ([[None, None], [1.6, None]], 1),
        ([[GONE, 1.5], [1.4, GONE], [GONE, GONE]], 1),  # given up as often, so by their mean
    ],
)
def test_in_an_unfinished_screening_the_seeds_that_all_have_decide(rates: list[list[float | None]], best: int) -> None:
    found = partial(SweepTable(seeds=2), {"a": rates}).best("a")
    assert found
    assert found.number == best


def test_in_an_unfinished_run_off_the_seeds_that_both_have_decide() -> None:
    """The first has its second seed, which is a bad one, and the second lacks it; the third is in no run-off."""
    table = SweepTable(seeds=1, finalists=1, runoff_seeds=1, final_seeds=2)
    of = partial(table, {"a": [[1.50, 1.90], [1.52, None], [1.70]], "b": [[1.9]]})
    found, row = of.best("a"), row_of(of, "a")
    assert found
    assert row
    assert found.number == 0
    assert [r.seed for r in row.results] == [0, 1]
    assert of.missing() == "1 of 2 run-off runs are missing"
    of.outcomes[1, 1] = result("which", 1, 1.50)
    found = of.best("a")
    assert found
    assert found.number == 1


def test_what_is_missing_is_counted_stage_by_stage() -> None:
    table = SweepTable(seeds=2, finalists=1, final_seeds=3, baseline="a")
    of = partial(table, {"a": [[1.5, 1.5]], "b": [[1.6, None], [1.7, None]], "c": [[GONE, None]]})
    assert of.missing() == "3 of 8 screening runs are missing"
    of.outcomes |= {(n, 1): result("which", 1, 1.6) for n in (1, 2, 3)}
    assert of.missing() == "6 of 6 final runs are missing"
    of.outcomes |= {(n, seed): result("which", seed, 1.6) for n in (0, 1) for seed in (2, 3, 4)}
    assert of.missing() == ""


def test_what_was_given_up_is_said_of_finals_of_the_best_and_of_those_with_nothing_left() -> None:
    table = SweepTable(seeds=1, finalists=2, final_seeds=4, baseline="a")
    finals: dict[str, list[list[float | None]]] = {
        "a": [[1.6] * 5, [GONE]],
        "b": [[1.5, 1.5, 1.5, GONE, GONE]],
        "c": [[GONE], [GONE]],
    }
    of = partial(table, finals)
    assert of.given_up() == ["b: 2 of 4 finals diverged", "c: all diverged"]
    of.outcomes[3, 0] = Ended(ending="early", message="?")
    assert of.given_up()[1] == "c: 1 of 2 runs ended early, 1 of 2 runs diverged"
    assert partial(SweepTable(seeds=3), {"a": [[1.5, GONE, 1.5]]}).given_up() == ["a: 1 of 3 runs diverged"]
