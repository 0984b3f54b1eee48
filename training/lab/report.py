"""Comparison of results: means over seeds, their differences with an interval, in one table. Knows no files."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from model.errors import DannError
from training.lab.intervals import LEAST_PAIRS, Difference, difference
from training.lab.results import Result

FIGURES = ("val_reset_nats_per_char", "val_stateful_nats_per_char", "val_mixed_nats_per_char", "val_bpb", "listening")
"""Figures with a spread over the seeds; None where not measured: nats per character of posts, listening of a text."""
NO_FIGURE = "–"
SELDOM = {"mixed", "listening", "tuned"}
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
    """One experiment over its seeds, of which there is at least one, shown as `name`.

    Of a variant in a sweep, `results` are those of its best candidate; where there were finals, of their seeds alone, and
    `screened` are those it was chosen by. `tried` is how many candidates it is the best of.
    """

    name: str
    results: list[Result]
    screened: list[Result] = field(default_factory=list)
    tried: int = 1

    def spread(self, key: str) -> Spread | None:
        """The spread of one of FIGURES; None where no seed has it."""
        return Spread.over([getattr(result, key) for result in self.results])

    @property
    def figure(self) -> Spread:
        """The figure to compare by; less is better."""
        figure = self.spread("val_reset_nats_per_char") or self.spread("val_bpb")
        assert figure is not None
        return figure

    @property
    def is_screened(self) -> bool:
        """Whether its figure is, in a sweep, of seeds that something was chosen by."""
        return bool(self.results[0].sweep) and not self.screened

    @property
    def tuned(self) -> str:
        """What was tuned and of how many; "" where nothing was."""
        values = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.results[0].tuned.items())
        return f"{values} (of {self.tried})" if values else ""

    def mean(self, key: str) -> float:
        """Mean of another figure over the seeds."""
        return statistics.fmean(getattr(result, key) for result in self.results)


def row_json(row: Row) -> dict[str, Any]:
    """The JSON of a row: means with their spread, and the figures of each seed."""
    first, spreads = row.results[0], {key: row.spread(key) for key in FIGURES}
    of_all_seeds = {"experiment", "group", "question", "text_sha256", "split", "sweep", "variant", "tuned", "matters"}
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
        "tuned": first.tuned,
        "tried": row.tried,
        "seeds": [result.model_dump(exclude=of_all_seeds | {"identity"}) for result in row.results],
    }


@dataclass(frozen=True)
class RankedRow:
    """A row, its verdict against the reference, and how it differs from that; the reference does not differ."""

    row: Row
    verdict: str
    difference: Difference | None = None


def ranked(rows: Sequence[Row], baseline: str = "", matters: float | None = None) -> list[RankedRow]:
    """Order rows, best first, each with its verdict against the row `baseline`, or against the best where that is "".

    Where one has finals, those that have none stand behind, marked "screened": something was chosen by their seeds.
    `matters` is the smallest difference worth an answer; None: what the reference's experiment says. Raises DannError for
    runs that cannot be compared: on different text, or by minutes on different machines.
    """
    _check_comparable(rows)
    finals = any(row.screened for row in rows)
    ordered = sorted(rows, key=lambda row: (finals and row.is_screened, row.figure.mean))
    reference = ordered[0] if not baseline else next((row for row in rows if row.name == baseline), None)
    if reference is None:
        raise DannError(f"--baseline {baseline}: no such row; there are: {', '.join(row.name for row in rows)}")
    smallest = reference.results[0].matters if matters is None else matters
    found = []
    for row in ordered:
        if row is reference:
            found.append(RankedRow(row, "baseline" if baseline else "best"))
        else:
            apart = compared(reference, row)
            mark = "; screened" if finals and row.is_screened else ""
            found.append(RankedRow(row, f"{apart.verdict(smallest)} ({apart}){mark}", apart))
    return found


def compared(reference: Row, other: Row) -> Difference:
    """The difference on seeds of which nothing was chosen, where both have two; else on all."""
    ours, theirs = ({result.seed: result.figure for result in row.results} for row in (reference, other))
    if len(ours.keys() & theirs.keys()) < LEAST_PAIRS and (reference.screened or other.screened):
        ours |= {result.seed: result.figure for result in reference.screened}
        theirs |= {result.seed: result.figure for result in other.screened}
    return difference(ours, theirs)


def _check_comparable(rows: Sequence[Row]) -> None:
    reference, first = rows[0], rows[0].results[0]
    for row in rows:
        second = next((one for one in row.results if _text(one) != _text(first)), first)
        if second is not first:
            raise DannError(
                f"{reference.name} and {row.name} were run on different text and cannot be compared: {_text_of(first)}, "
                f"and {_text_of(second)}; run one of them again on the other's text"
            )
    results = [(row, result) for row in rows for result in row.results if result.by == "minutes" and result.machine]
    for row, result in results[1:]:
        machine, other = results[0][1].machine, result.machine
        if machine and other and machine.fingerprint != other.fingerprint:
            raise DannError(
                f"{results[0][0].name} and {row.name} were run by minutes on different machines and cannot be compared "
                f"({machine}; {other}); run both by train.steps or train.tokens, or both on one machine"
            )


def legend(rows: Sequence[RankedRow]) -> str:
    """Say what verdicts are of: which row the others are compared with, and by which figure."""
    reference = next(one.row for one in rows if one.difference is None)
    by = "val@256-reset, nats per character" if reference.spread(FIGURES[0]) else "bits per byte"
    return f"verdict: each against {reference.name}, by {by}: less is better; 95 % intervals"


def markdown(rows: Sequence[RankedRow]) -> str:
    """One Markdown table of at least one row; figures are mean ± standard deviation (seeds)."""
    table = [_cells(one.row) | {"verdict": one.verdict} for one in rows]
    measured = {name for cells in table for name, value in cells.items() if value != NO_FIGURE}
    columns = [name for name in table[0] if name in measured or name not in SELDOM]
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 2) + "---|"]
    lines += ["| " + " | ".join(cells[name] for name in columns) + " |" for cells in table]
    return "\n".join(lines)


def _cells(row: Row) -> dict[str, str]:
    reset, stateful, mixed, bpb, heard = (str(row.spread(key) or NO_FIGURE) for key in FIGURES)
    return {
        "name": row.name,
        "tuned": row.tuned or NO_FIGURE,
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


def ranked_json(one: RankedRow) -> dict[str, Any]:
    """The JSON of a row with its verdict, and how it differs from the reference, with a 95 % interval."""
    apart = one.difference
    interval = apart and {
        "mean": apart.mean,
        "low": None if apart.half is None else apart.low,
        "high": None if apart.half is None else apart.high,
        "seeds": apart.n,
        "paired": apart.paired,
    }
    return {**row_json(one.row), "verdict": one.verdict, "difference": interval}


def _text(result: Result) -> tuple[str, str]:
    return result.text_sha256, result.split


def _text_of(result: Result) -> str:
    return f"SHA-256 {result.text_sha256[:12]}…, {result.split}"
