"""Comparison of results: means over seeds with their spread, in one table. Knows no files."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import DannError
from training.lab.results import Result

FIGURES = ("val_reset_nats_per_char", "val_stateful_nats_per_char", "val_mixed_nats_per_char", "val_bpb", "listening")
"""Figures with a spread over the seeds; None where not measured: nats per character of posts, listening of a text."""
NO_FIGURE = "–"
SELDOM = {"mixed", "listening"}
"""Columns that are left out where no row has them."""


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over `n` seeds; one seed has no deviation."""

    mean: float
    sd: float | None
    n: int

    @classmethod
    def over(cls, values: Sequence[float | None]) -> "Spread | None":
        """The spread of the values that are not None; None where there are none."""
        present = [value for value in values if value is not None]
        if not present:
            return None
        return cls(statistics.fmean(present), statistics.stdev(present) if len(present) > 1 else None, len(present))

    def __str__(self) -> str:
        spread = "" if self.sd is None else f" ± {self.sd:.4f}"
        return f"{self.mean:.4f}{spread} ({self.n})"


@dataclass(frozen=True)
class Row:
    """One experiment over its seeds, of which there is at least one, shown as `name`."""

    name: str
    results: list[Result]

    def spread(self, key: str) -> Spread | None:
        """The spread of one of FIGURES; None where no seed has it."""
        return Spread.over([getattr(result, key) for result in self.results])

    @property
    def figure(self) -> Spread:
        """The figure to compare by; less is better."""
        figure = self.spread("val_reset_nats_per_char") or self.spread("val_bpb")
        assert figure is not None
        return figure

    def mean(self, key: str) -> float:
        """Mean of another figure over the seeds."""
        return statistics.fmean(getattr(result, key) for result in self.results)


def row_json(row: Row) -> dict[str, Any]:
    """The JSON of a row: means with their spread, and the figures of each seed."""
    first, spreads = row.results[0], {key: row.spread(key) for key in FIGURES}
    of_all_seeds = {"experiment", "group", "question", "text_sha256", "split"}
    return {
        "name": row.name,
        "group": first.group,
        "text_sha256": first.text_sha256,
        "split": first.split,
        **{key: spread and {"mean": spread.mean, "sd": spread.sd} for key, spread in spreads.items()},
        "params": first.params,
        "steps": round(row.mean("steps")),
        "tokens_per_second": round(row.mean("tokens_per_second")),
        "seconds": round(row.mean("seconds"), 1),
        "seeds": [result.model_dump(exclude=of_all_seeds) for result in row.results],
    }


def ranked(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """Order rows, best first, each with its verdict against the best. Raises DannError for runs on different text."""
    reference = rows[0]
    for row in rows[1:]:
        first, second = reference.results[0], row.results[0]
        if (first.text_sha256, first.split) != (second.text_sha256, second.split):
            raise DannError(
                f"{reference.name} and {row.name} were run on different text and cannot be compared: {_text_of(first)}, "
                f"and {_text_of(second)}; run one of them again on the other's text"
            )
    ordered = sorted(rows, key=lambda row: row.figure.mean)
    return [(row, "best" if row is ordered[0] else verdict(ordered[0].figure, row.figure)) for row in ordered]


def verdict(best: Spread, other: Spread) -> str:
    """Say whether `other` is worse than `best` by more than the combined spread, hypot(sd, sd)."""
    difference = other.mean - best.mean
    if best.sd is None or other.sd is None:
        return f"+{difference:.4f}; one seed: no spread known"
    if abs(difference) <= math.hypot(best.sd, other.sd):
        return "no difference"
    return f"worse by {difference:.4f}"


def markdown(rows: Sequence[tuple[Row, str]]) -> str:
    """One Markdown table of at least one row; figures are mean ± standard deviation (seeds)."""
    table = [_cells(row) | {"verdict": row_verdict} for row, row_verdict in rows]
    measured = {name for cells in table for name, value in cells.items() if value != NO_FIGURE}
    columns = [name for name in table[0] if name in measured or name not in SELDOM]
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 2) + "---|"]
    lines += ["| " + " | ".join(cells[name] for name in columns) + " |" for cells in table]
    return "\n".join(lines)


def _cells(row: Row) -> dict[str, str]:
    reset, stateful, mixed, bpb, heard = (str(row.spread(key) or NO_FIGURE) for key in FIGURES)
    return {
        "name": row.name,
        "params": f"{row.results[0].params:,}",
        "steps": f"{round(row.mean('steps')):,}",
        "val@256-reset": reset,
        "val-stateful": stateful,
        "mixed": mixed,
        "bits per byte": bpb,
        "listening": heard,
        "tokens/s": f"{round(row.mean('tokens_per_second')):,}",
        "seconds": f"{row.mean('seconds'):,.0f}",
    }


def _text_of(result: Result) -> str:
    return f"SHA-256 {result.text_sha256[:12]}…, {result.split}"
