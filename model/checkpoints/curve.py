"""The training curve in a checkpoint's folder, curve.json: a list of points. Imports no JAX.

A point is seconds of training, steps, and bits per byte on the training posts and on held-out posts. Older checkpoints have
no such file, and only the page's chart depends on it.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

CURVE = "curve.json"
MOST_POINTS = 200

Point = tuple[float, int, float, float]


def write_curve(folder: Path, points: Sequence[Point]) -> None:
    """Write the points, oldest first; of more than MOST_POINTS, evenly spaced ones and the last."""
    count = min(len(points), MOST_POINTS)
    thinned = [points[round(number * (len(points) - 1) / max(count - 1, 1))] for number in range(count)]
    (folder / CURVE).write_text(json.dumps(thinned), encoding="utf-8")


def read_curve(folder: Path) -> list[Point]:
    """The points of a checkpoint's folder, oldest first; empty if there are none or they cannot be read."""
    return read_points(folder / CURVE)[:MOST_POINTS]


def read_points(file: Path) -> list[Point]:
    """All points of a file, as `read_curve`."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        points = [(float(seconds), int(step), float(train), float(val)) for seconds, step, train, val in rows]
    except (OSError, ValueError, TypeError, OverflowError):
        return []
    return [point for point in points if all(map(math.isfinite, point))]
