"""Learning curves and answers as pictures. The one file that knows matplotlib; it needs no display."""

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.lab.intervals import quantile

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


@dataclass(frozen=True)
class PlottedAnswer:
    """One variant: the figure of each seed, and of each learning rate that was tried the best that it gave.

    `chosen` is how it was tuned; `final` whether none of the seeds served to choose that.
    """

    name: str
    chosen: str
    figures: list[float]
    final: bool
    by_rate: list[tuple[float, float]]


def check_picture(path: Path, option: str = "--plot") -> None:
    """Raise DannError unless `path` can hold a picture of a known format."""
    if path.suffix.lower() not in KINDS:
        raise DannError(f"{option} {path}: must end in {' or '.join(KINDS)}")
    if not path.parent.is_dir():
        raise DannError(f"{option} {path}: there is no folder {path.parent}; create it first")


def draw_curves(path: Path, curves: Sequence[PlottedCurve]) -> None:
    """Draw a line per run, the mean of its seeds, and a band over all of them."""
    check_picture(path)
    with _style():
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
        axes.legend(frameon=False)
        _save(path, figure)


def draw_answer(path: Path, answers: Sequence[PlottedAnswer], baseline: str, unit: str) -> None:
    """Draw a row per variant, in the order given: each seed, and the mean with its 95 % interval where there are two.

    Beside it, where the variants are few enough to tell apart, what each learning rate gave that was tried.
    """
    check_picture(path, "--picture")
    by_rate = len(answers) <= len(COLOURS) and any(len(one.by_rate) > 1 for one in answers)
    with _style():
        size = (12 if by_rate else 8, 1.4 + 0.36 * max(len(answers), 6 if by_rate else 2))
        figure = Figure(figsize=size, layout="constrained")
        shares = {"width_ratios": [3, 2]} if by_rate else {}
        axes = figure.subplots(1, 1 + by_rate, squeeze=False, gridspec_kw=shares)[0]
        _draw_rows(axes[0], answers, baseline, unit)
        if by_rate:
            _draw_rates(axes[1], answers, unit)
        _save(path, figure)


def _draw_rows(axes: Axes, answers: Sequence[PlottedAnswer], baseline: str, unit: str) -> None:
    for height, one in enumerate(answers):
        values = np.asarray(one.figures)
        mean, colour = values.mean(), COLOURS[height % len(COLOURS)] if len(answers) <= len(COLOURS) else COLOURS[0]
        if one.name == baseline:
            axes.axvline(mean, color="#888888", linewidth=1, linestyle=":")
        if len(values) > 1:
            axes.errorbar(mean, height, xerr=half_width(one.figures), color=colour, capsize=4, linewidth=2)
            axes.plot(values, np.full(len(values), height), "o", color=colour, markersize=4, alpha=0.35, linewidth=0)
        axes.plot(mean, height, "o", color=colour, markersize=8, markerfacecolor=colour if one.final else "white")
    axes.set_yticks(range(len(answers)), [f"{one.name} ({one.chosen})" if one.chosen else one.name for one in answers])
    axes.set_ylim(len(answers) - 0.5, -0.5)
    axes.set_xlabel(f"{unit} (less is better)")


def _draw_rates(axes: Axes, answers: Sequence[PlottedAnswer], unit: str) -> None:
    for number, one in enumerate(answers):
        if one.by_rate:
            rates, figures = zip(*sorted(one.by_rate), strict=True)
            axes.plot(rates, figures, STYLES[number % len(STYLES)], color=COLOURS[number], marker="o", label=one.name)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"{unit.partition(',')[0]}, one seed each")
    axes.legend(frameon=False, fontsize=9)


def half_width(figures: Sequence[float]) -> float:
    """Half of the 95 % interval of the mean of two figures or more."""
    return float(quantile(len(figures) - 1) * np.std(figures, ddof=1) / math.sqrt(len(figures)))


def _style() -> AbstractContextManager[None]:
    """Text in SVG stays text, the same picture is the same file, and nothing is boxed in."""
    return rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "dann",
            "font.size": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
        }
    )


def _save(path: Path, figure: Figure) -> None:
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
