"""How tokens a second grow from one core to all of them: ours and PyTorch, each on one core and on all, in turn."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from tests.bench.compute.training_speed import FEW, NAMES, QUICK, ROWS, has_torch
from tests.bench.other_load import warning
from tests.bench.report import Report, cores, spread, table
from tests.bench.rounds.children import Child, alternate, prepare, started
from tests.bench.rounds.job import Job, Shape

TURN, BUDGET, LEAST = 0.4, 30.0, 5
"""Seconds of a turn and of a shape's rounds, and the fewest rounds."""


def run(quick: bool) -> Report:
    """Every row of the training table, or the first ones."""
    if cores() == 1:
        return Report("One core: nothing to grow to.", [])
    return measure(ROWS[:FEW] if quick else ROWS, QUICK if quick else 1.0)


def measure(shapes: Sequence[Shape], share: float) -> Report:
    """The rows for these shapes, in `share` of the usual time."""
    names = ["ours", *(["pytorch"] if has_torch() else [])]
    every = Job(shapes[0], cores())
    rows = []
    with started([(name, job) for name in names for job in (replace(every, cores=1), every)]) as children:
        for shape in shapes:
            rows += compared(shape, children, share)
    heads = ["layers x hidden, V, batch x T", "1 core, tokens/s", f"{cores()} cores, tokens/s", "times as fast"]
    lines = [
        [f"{Shape(**row['shape'])}: {NAMES[row['name']]}", *(f"{row[n].middle:,.0f}" for n in ("one", "all")),
         spread(row["growth"])]
        for row in rows
    ]  # fmt: skip
    return Report(warning([row["others"] for row in rows]) + table(heads, lines), rows)


def compared(shape: Shape, children: Sequence[Child], share: float) -> list[dict[str, Any]]:
    """A row a contender, of whom there is one on one core and then one on all.

    `one` and `all` are tokens a second; `growth` is taken round by round.
    """
    for child in children:
        child.take(replace(child.job, shape=shape))
    prepare(children)
    rounds = alternate(children, TURN * share, BUDGET * share, LEAST)
    return [
        {
            "shape": asdict(shape),
            "name": children[one].name,
            "one": rounds.rate(one, shape.tokens),
            "all": rounds.rate(one + 1, shape.tokens),
            "others": rounds.others,
            "growth": rounds.ratio(one + 1, one),
        }
        for one in range(0, len(children), 2)
    ]
