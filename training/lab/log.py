"""The row that `dann experiment log` writes: how an experiment was run, on what, and what it answered.

Rows stand in one table of experiments/LOG.md, under HEADING, the newest at the end; a row of the same run is replaced. All
else in the file is left as it is.
"""

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.lab.report import RankedRow, Row
from training.lab.results import Result, started_at

HEADING = "## Answers, a row each"
ABOUT = (
    "Written by `dann experiment log NAME`; the differences have 95 % intervals, and a run is named so that "
    "`dann experiment compare` finds it again."
)
COLUMNS = ("run", "question", "answer", "command", "commit", "machine", "date")
MOST_NAMED = 6
"""Rows of a sweep whose difference is in the answer; the rest are counted."""


def write_row(
    file: Path, rows: Sequence[RankedRow], notes: Sequence[str] = (), options: Sequence[str] | None = None
) -> str:
    """Write the row of one run or sweep into `file`; returns "added", "replaced" or "there".

    `notes` are added to the answer: what is missing, and what was given up. `options` are those that a sweep was run with,
    None where they are not known. Raises DannError for a file that is not there, or has the heading and no table below it.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DannError(f"{file}: cannot be read ({error}); run this in dann's source tree") from error
    row = _row(rows, notes, options)
    new, how = _placed(file, text, row)
    if new != text:
        replace_file(file, new.encode())
    return how


def _placed(file: Path, text: str, row: str) -> tuple[str, str]:
    """The text with the row in its table, and what that took."""
    lines = text.rstrip("\n").split("\n")
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    if HEADING not in lines:
        return "\n".join([*lines, "", HEADING, "", ABOUT, "", *head, row, ""]), "added"
    table = lines.index(HEADING)
    while table < len(lines) and not lines[table].startswith("|---"):
        table += 1
    if table == len(lines):
        raise DannError(f"{file}: there is no table below {HEADING!r}; put this line there: {head[0]}")
    end = table + 1
    while end < len(lines) and lines[end].startswith("|"):
        if _cell(lines[end]) == _cell(row):
            how = "there" if lines[end] == row else "replaced"
            lines[end] = row
            return "\n".join([*lines, ""]), how
        end += 1
    return "\n".join([*lines[:end], row, *lines[end:], ""]), "added"


def _cell(line: str) -> str:
    return line.split("|")[1].strip()


def _row(rows: Sequence[RankedRow], notes: Sequence[str] = (), options: Sequence[str] | None = None) -> str:
    first = rows[0].row.results[0]
    cells = {
        "run": first.sweep or first.group,
        "question": first.question,
        "answer": "; ".join([answer(rows), *notes]),
        "command": f"`{command(rows, options)}`",
        "commit": ", ".join(sorted({str(result.code) for one in rows for result in one.row.results})),
        "machine": "; ".join(sorted({str(result.machine or "unknown") for one in rows for result in one.row.results})),
        "date": _date(first.sweep or first.group),
    }
    return "| " + " | ".join(cells[name].replace("|", "\\|").replace("\n", " ") for name in COLUMNS) + " |"


def command(rows: Sequence[RankedRow], options: Sequence[str] | None = None) -> str:
    """What repeats it, with the `options` of a sweep. The text's path is not stored; its SHA-256 is."""
    first = rows[0].row.results[0]
    results = [result for one in rows for result in _all(one.row) if result.group == first.group]
    words = ["dann experiment run", first.experiment]
    words += ["--text FILE"] if first.val_reset_nats_per_char is not None else []
    if options is None or not first.sweep:
        wanted = max(len(results), *(result.seeds_wanted for result in results))
        seeds = [] if first.sweep else ["--seeds", str(wanted)]
        options = [*seeds, *(word for given in first.overrides for word in ("--set", given))]
    return " ".join([*words, *map(shlex.quote, options)])


def answer(rows: Sequence[RankedRow]) -> str:
    """Say in a line what was found: the reference's figure, and how the others differ from it."""
    reference = next((one for one in rows if one.difference is None), rows[0])
    first = reference.row.results[0]
    unit = "nats per character, val@256-reset" if first.val_reset_nats_per_char is not None else "bits per byte"
    said = [f"{_named(reference.row)} {reference.row.figure} {unit}"]
    others = [one for one in rows if one is not reference]
    wanted = max(result.seeds_wanted for result in reference.row.results)
    if missing := max(0, wanted - len(reference.row.results)):
        said += [f"stopped before {missing} of {wanted} seeds"]
    said += [f"{_named(one.row)}: {one.verdict}" for one in others[:MOST_NAMED]]
    if more := len(others) - MOST_NAMED:
        said += [f"{more} more further behind"] if more > 0 else []
    return "; ".join(said)


def _named(row: Row) -> str:
    return f"{row.name} at {row.tuned}" if row.tuned else row.name


def _all(row: Row) -> list[Result]:
    return [*row.screened, *row.results]


def _date(group: str) -> str:
    """The day in a run's name."""
    try:
        return datetime.strptime(started_at(group)[:8], "%Y%m%d").date().isoformat()  # noqa: DTZ007
    except ValueError:
        return "unknown"
