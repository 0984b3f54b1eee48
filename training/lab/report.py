"""Comparison of results: means over seeds with their spread, in one table. Knows no files."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import DannError
from training.lab.results import Result

COLUMNS = (
    "name",
    "params",
    "steps",
    "val@256-reset",
    "val-stateful",
    "bits per byte",
    "tokens/s",
    "seconds",
    "verdict",
)
MIXED_AT = COLUMNS.index("val-stateful") + 1
"""Position of the column "mixed", if any row has that figure."""


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
    """One experiment over its seeds.

    Nats per character by both protocols are None for posts. `mixed` is val-stateful with a context model, None where the
    experiment does not measure it.
    """

    name: str
    reset: Spread | None
    stateful: Spread | None
    bpb: Spread
    mixed: Spread | None
    results: list[Result]

    @classmethod
    def of(cls, name: str, results: list[Result]) -> "Row":
        """The row of at least one result, shown as `name`."""
        bpb = Spread.over([result.val_bpb for result in results])
        assert bpb is not None
        return cls(
            name,
            Spread.over([result.val_reset_nats_per_char for result in results]),
            Spread.over([result.val_stateful_nats_per_char for result in results]),
            bpb,
            Spread.over([result.val_mixed_nats_per_char for result in results]),
            results,
        )

    @property
    def figure(self) -> Spread:
        """The figure to compare by; less is better."""
        return self.reset or self.bpb

    def mean(self, key: str) -> float:
        """Mean of another figure over the seeds."""
        return statistics.fmean(getattr(result, key) for result in self.results)


def row_json(row: Row) -> dict[str, Any]:
    """The JSON of a row: means with their spread, and the figures of each seed."""
    first = row.results[0]
    return {
        "name": row.name,
        "group": first.group,
        "text_sha256": first.text_sha256,
        "split": first.split,
        "val_reset_nats_per_char": _spread_json(row.reset),
        "val_stateful_nats_per_char": _spread_json(row.stateful),
        "val_mixed_nats_per_char": _spread_json(row.mixed),
        "val_bpb": _spread_json(row.bpb),
        "params": first.params,
        "steps": round(row.mean("steps")),
        "tokens_per_second": round(row.mean("tokens_per_second")),
        "seconds": round(row.mean("seconds"), 1),
        "seeds": [result.model_dump(exclude=_OF_ALL_SEEDS) for result in row.results],
    }


_OF_ALL_SEEDS = {"experiment", "group", "question", "text_sha256", "split"}


def _spread_json(spread: Spread | None) -> dict[str, float | None] | None:
    return None if spread is None else {"mean": spread.mean, "sd": spread.sd}


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
    """One Markdown table; figures are mean ± standard deviation (seeds)."""
    mixed = any(row.mixed for row, _ in rows)
    headings = [*COLUMNS[:MIXED_AT], *["mixed"] * mixed, *COLUMNS[MIXED_AT:]]
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 2) + "---|"]
    for row, row_verdict in rows:
        cells = [
            row.name,
            f"{row.results[0].params:,}",
            f"{round(row.mean('steps')):,}",
            str(row.reset or "–"),
            str(row.stateful or "–"),
            *[str(row.mixed or "–")] * mixed,
            str(row.bpb),
            f"{round(row.mean('tokens_per_second')):,}",
            f"{row.mean('seconds'):,.0f}",
            row_verdict,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _text_of(result: Result) -> str:
    return f"SHA-256 {result.text_sha256[:12]}…, {result.split}"
