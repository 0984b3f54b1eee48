"""Learning curves as a picture. The one file that knows matplotlib; it needs no display."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError

KINDS = (".png", ".svg")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which colour-blind readers tell apart; the line styles differ too, for print in grey."""
STYLES = ("-", "--", "-.", ":")
POINTS = 200


@dataclass(frozen=True)
class PlottedCurve:
    """One run: for each seed, bits per byte by minutes."""

    name: str
    seeds: list[list[tuple[float, float]]]


def check_picture(path: Path) -> None:
    """Raise DannError unless `path` can hold a picture of a known format."""
    if path.suffix.lower() not in KINDS:
        raise DannError(f"--plot {path}: must end in {' or '.join(KINDS)}")
    if not path.parent.is_dir():
        raise DannError(f"--plot {path}: there is no folder {path.parent}; create it first")


def draw_curves(path: Path, curves: Sequence[PlottedCurve]) -> None:
    """Draw a line per run, the mean of its seeds, and a band over all of them."""
    check_picture(path)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "dann", "font.size": 11}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot()
        for number, curve in enumerate(curves):
            minutes, values = _on_one_grid(curve.seeds)
            colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
            mark = "o" if minutes.size < POINTS else None
            label = f"{curve.name} ({len(values)} seed{'s' if len(values) > 1 else ''})"
            axes.plot(minutes, values.mean(0), style, color=colour, marker=mark, markersize=4, linewidth=2, label=label)
            if len(values) > 1:
                axes.fill_between(minutes, values.min(0), values.max(0), color=colour, alpha=0.2, linewidth=0)
        axes.set_xlabel("minutes")
        axes.set_ylabel("bits per byte, quick part of val")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        image = io.BytesIO()
        kind = path.suffix.lower().removeprefix(".")
        figure.savefig(image, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    replace_file(path, image.getvalue())


def _on_one_grid(seeds: Sequence[Sequence[tuple[float, float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate the seeds, evaluated at different moments, onto common minutes `[n]`; also values `[seeds, n]`."""
    points = [np.asarray(seed).T for seed in seeds]
    if len(points) == 1:
        return points[0][0], points[0][1:]
    begin, end = max(minutes[0] for minutes, _ in points), min(minutes[-1] for minutes, _ in points)
    grid = np.linspace(begin, max(begin, end), POINTS)
    return grid, np.stack([np.interp(grid, minutes, values) for minutes, values in points])
