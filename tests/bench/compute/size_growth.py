"""How tokens a second change with the batch and with the hidden size: ours and PyTorch, around one layer of 256."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from tests.bench.compute.training_speed import NAMES, QUICK, has_torch
from tests.bench.other_load import warning
from tests.bench.report import Report, cores, spread, table
from tests.bench.rounds.children import Child, alternate, prepare, started
from tests.bench.rounds.job import Job, Shape

MIDDLE = Shape(1, 256, 512, 32, 64)
SHAPES = (
    *(replace(MIDDLE, batch=batch) for batch in (16, 32, 64, 128)),
    *(replace(MIDDLE, hidden=hidden) for hidden in (128, 512)),
)
TURN, BUDGET, LEAST = 0.4, 20.0, 5
"""Seconds of a turn and of a shape's rounds, and the fewest rounds."""


def run(quick: bool) -> Report:
    """Every batch, then every hidden size."""
    return measure(SHAPES, QUICK if quick else 1.0)


def measure(shapes: Sequence[Shape], share: float) -> Report:
    """The rows for these shapes, in `share` of the usual time."""
    names = ["ours", *(["pytorch"] if has_torch() else [])]
    with started([(name, Job(shapes[0], cores())) for name in names]) as children:
        rows = [compared(shape, children, share) for shape in shapes]
    heads = ["layers x hidden, V, batch x T"]
    heads += [f"{NAMES[name]}, {what}" for name in names for what in ("tokens/s", "GFLOP/s")]
    heads += ["ours / PyTorch"] if "pytorch" in names else []
    lines = []
    for row in rows:
        line = [str(Shape(**row["shape"]))]
        for name in names:
            found = row["contenders"][name]
            line += [spread(found["tokens_per_second"], ",.0f"), f"{found['gflops'].middle:.0f}"]
        lines.append(line + ([spread(row["of_pytorch"])] if "pytorch" in names else []))
    return Report(warning([row["others"] for row in rows]) + table(heads, lines), rows)


def compared(shape: Shape, children: Sequence[Child], share: float) -> dict[str, Any]:
    """One shape, everybody in turn."""
    for child in children:
        child.take(replace(child.job, shape=shape))
    prepare(children)
    rounds = alternate(children, TURN * share, BUDGET * share, LEAST)
    return {
        "shape": asdict(shape),
        "contenders": {
            child.name: {
                "tokens_per_second": rounds.rate(number, shape.tokens),
                "gflops": rounds.rate(number, shape.flops / 1e9),
            }
            for number, child in enumerate(children)
        },
        "others": rounds.others,
        "of_pytorch": rounds.ratio(0, 1) if len(children) > 1 else None,
    }
