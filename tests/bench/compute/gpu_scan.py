"""On an NVIDIA GPU: our scan against cuDNN's LSTM, layers alone, forward and backward. Elsewhere it says so."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.compute.training_speed import FEW, QUICK, ROWS
from tests.bench.report import Report, cores, spread, table
from tests.bench.rounds.children import Quartiles, alternate, prepare, started
from tests.bench.rounds.job import Job, Shape

TURN, BUDGET, LEAST = 0.5, 20.0, 5
LIMIT = 1e-2
"""How far the losses may lie apart, as a share: both round products to TF32 unless told otherwise."""


def run(quick: bool) -> Report:
    """Every shape of the training table, where there is a GPU."""
    backend = subprocess.run(
        [sys.executable, "-c", "import jax; print(jax.default_backend())"], check=True, capture_output=True, text=True
    ).stdout.strip()
    if backend != "gpu":
        return Report(f"No GPU here (JAX runs on the {backend}).", None)
    rows = [compared(shape, QUICK if quick else 1.0) for shape in (ROWS[:FEW] if quick else ROWS)]
    return Report(text(rows), rows)


def compared(shape: Shape, share: float) -> dict[str, Any]:
    """Milliseconds of both, the ratio, and whether they agree."""
    job = Job(shape, cores())
    with started([("layers_scan", job), ("layers_cudnn", job)]) as children:
        prepare(children)
        losses = [child.steps(1)["loss"] for child in children]
        rounds = alternate(children, TURN * share, BUDGET * share, LEAST)
    scan, cudnn = (Quartiles.of([1e3 * taken for taken in seconds]) for seconds in rounds.seconds)
    same = abs(losses[0] - losses[1]) < LIMIT * abs(losses[1])
    return {"shape": asdict(shape), "scan_ms": scan, "cudnn_ms": cudnn, "ratio": rounds.ratio(0, 1), "same": same}


def text(rows: Sequence[dict[str, Any]]) -> str:
    """A line a shape."""
    heads = ["layers alone, forward and backward", "our scan, ms", "cuDNN, ms", "cuDNN / our scan", "the same loss"]
    return table(
        heads,
        [
            [str(Shape(**row["shape"])), spread(row["scan_ms"]), spread(row["cudnn_ms"]), spread(row["ratio"]),
             "yes" if row["same"] else "NO"]
            for row in rows
        ],
    )  # fmt: skip
