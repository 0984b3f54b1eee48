"""How a checkpoint was learned, as its folder keeps it: curve.json, a list of points. Imports no JAX.

A point is seconds of training, steps, and bits per byte of what was being learned and of held-out posts. Checkpoints from
before such a file was written have none, and nothing but people's curiosity depends on it.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

CURVE = "curve.json"
MOST_POINTS = 200

Point = tuple[float, int, float, float]


def write_curve(folder: Path, points: Sequence[Point]) -> None:
    """Write the points, oldest first; of more than MOST_POINTS, as many that lie evenly among them, and the last."""
    (folder / CURVE).write_text(json.dumps(_thinned(points)), encoding="utf-8")


def read_curve(folder: Path) -> list[Point]:
    """The points of a checkpoint's folder, oldest first; none where there are none that can be read."""
    try:
        told = json.loads((folder / CURVE).read_text(encoding="utf-8"))
        points = [(float(seconds), int(step), float(learned), float(held)) for seconds, step, learned, held in told]
    except (OSError, ValueError, TypeError, OverflowError):
        return []
    return [point for point in points if all(map(math.isfinite, point))][:MOST_POINTS]


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(number * last / (MOST_POINTS - 1))] for number in range(MOST_POINTS)]
