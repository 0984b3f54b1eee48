"""Do all contenders compute the same? From the same weights, on the same tokens, losses and gradient norms step by step.

The first loss is also held against a float64 reference (tests/model/architectures/cells_float64.py). Where a stream begins is
our step's own secret, so that the tokens are a short cycle, and the reference finds out at which of them our step began.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.compute.training_speed import NAMES, has_torch
from tests.bench.report import Report, cores, table
from tests.bench.rounds.children import Child
from tests.bench.rounds.job import CLIP_NORM, Job, Shape
from tests.model.architectures.cells_float64 import logits

SHAPE = Shape(layers=2, hidden=32, vocab=65, batch=4, window=15)
PERIOD, STEPS = 5, 12
LIMIT = 1e-4
"""Float32 in another order of summing, over so many steps: what may differ, as a share of the value."""

Weights = dict[str, np.ndarray]


def run(quick: bool) -> Report:  # noqa: ARG001 (it is quick)
    """Everybody who is there."""
    return compare(["ours_float32", "flax_stock", *(["pytorch"] if has_torch() else [])])


def compare(others: Sequence[str]) -> Report:
    """Our step with an embedding against each of `others`; our one-hot step learns other weights: its first loss alone."""
    weights = made_weights()
    with tempfile.TemporaryDirectory() as folder:
        files = {name: str(Path(folder, f"{name}.npz")) for name in ("embedded", "onehot")}
        np.savez(files["embedded"], **weights)  # type: ignore[arg-type]  # NumPy's own annotation
        np.savez(files["onehot"], **as_one_hot(weights))  # type: ignore[arg-type]
        job = Job(SHAPE, cores(), weights=files["embedded"], period=PERIOD)
        ours = series("ours_embedded", job, STEPS)
        expected = [reference(replace(job, phase=phase), weights) for phase in range(PERIOD)]
        phase = int(np.argmin([abs(loss - ours[0, 0]) for loss in expected]))
        job = replace(job, phase=phase)
        onehot = replace(job, weights=files["onehot"], phase=0)
        theirs = {
            name: series(name, onehot, 1)[:, :1] if name == "ours_float32" else series(name, job, STEPS)
            for name in others
        }
    rows = [
        difference("float64, first loss", np.array([[expected[phase]]]), ours[:1, :1]),
        *(difference(NAMES[name], found, ours[: len(found), : found.shape[1]]) for name, found in theirs.items()),
    ]
    return Report(text(rows, float(ours[:, 1].max())), rows)


def made_weights() -> Weights:
    """Weights of some size, so that gates move and the gradient is clipped, under our own names."""
    chance, shape = np.random.default_rng(2), SHAPE
    V, H = shape.vocab, shape.hidden
    found = {"embedding": chance.normal(size=(V, H)), "output": chance.normal(size=(H, V))}
    found["output_bias"] = 0.1 * chance.normal(size=V)
    for layer in range(shape.layers):
        for name, sizes in (("inputs", (H, 4 * H)), ("weights", (H, 4 * H)), ("biases", (4 * H,))):
            found[f"{name}.{layer}"] = 0.5 * chance.normal(size=sizes)
    return {name: array.astype(np.float32) for name, array in found.items()}


def as_one_hot(weights: Weights) -> Weights:
    """The same network without its embedding: the first layer's table is their product."""
    table = weights["embedding"] @ weights["inputs.0"]
    return {name: array for name, array in weights.items() if name != "embedding"} | {"inputs.0": table}


def series(name: str, job: Job, steps: int) -> np.ndarray:
    """Loss and gradient norm `[steps, 2]` of a contender's first steps."""
    with Child(name, job) as child:
        answers = [child.steps(1) for _ in range(steps)]
    return np.array([(answer["loss"], answer["norm"]) for answer in answers])


def reference(job: Job, weights: Weights) -> float:
    """The first step's loss in float64."""
    window = job.windows()[0].T
    found = logits("lstm", weights, window[:, :-1], job.shape.hidden, job.shape.layers)
    log_sum = np.log(np.exp(found).sum(axis=-1))
    picked = np.take_along_axis(found, window[:, 1:, None], axis=-1)[..., 0]
    return float((log_sum - picked).mean())


def difference(name: str, found: np.ndarray, ours: np.ndarray) -> dict[str, Any]:
    """The largest difference in each column of `[steps, 1 or 2]` (loss, gradient norm), as a share of ours."""
    shares = (np.abs(found - ours) / np.abs(ours)).max(axis=0)
    loss, norm = float(shares[0]), float(shares[1]) if len(shares) > 1 else None
    return {"name": name, "steps": len(found), "loss": loss, "norm": norm, "same": bool(shares.max() < LIMIT)}


def text(rows: Sequence[dict[str, Any]], largest_norm: float) -> str:
    """A line a comparison."""
    lines = [
        [
            row["name"], str(row["steps"]), f"{row['loss']:.1e}", "–" if row["norm"] is None else f"{row['norm']:.1e}",
            "yes" if row["same"] else "NO",
        ]
        for row in rows
    ]  # fmt: skip
    return (
        table(["against ours, embedded", "steps", "loss differs by", "gradient norm by", "the same"], lines)
        + f"\n\n{SHAPE}; largest gradient norm {largest_norm:.1f}, clipped at {CLIP_NORM:g}; shares of ours, at most "
        f"{LIMIT:g}."
    )
