"""CSV rows as a stream, with errors that name the line. Knows no column's meaning."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from itertools import islice

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, read_lines

_MAX_CELL = 1 << 24
"""Characters. A quote that is never closed swallows what follows; this keeps it from being all of a large file."""

_HEADER_ROWS = 12
"""Rows among which the header is looked for: a title, blank lines and "sep=;" may stand over it."""
_IDENTIFIER = re.compile(r"[A-Za-z]\w{0,40}", re.ASCII)
_COLUMN = re.compile(r"[A-Za-z_][\w .#-]{0,40}")


def rows(
    file: ExportFile, required: Collection[str], delimiter: str = ",", strict: bool = True
) -> Iterator[dict[str, str]]:
    """Yield each row as a dict by lower-case column name; surplus cells join the last column.

    Blank lines, a title and "sep=;" may come before the header. Raises DannError for a missing required column and for an
    overlong cell, and when strict also for stray or unclosed quotes and short rows.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    with closing(read_lines(file)) as lines:
        reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=strict)
        try:
            names = _header(islice(reader, _HEADER_ROWS), required)
            ends_empty = names is not None and names[-1:] == [""]  # a delimiter at the end of each row
            if names is not None and ends_empty:
                names.pop()
            if names is None:
                raise DannError(
                    f"{file.label}: line 1 has no column {next(iter(required))!r}; give a table with {', '.join(required)}"
                )
            for row in reader:
                if strict and row and len(row) < len(names):
                    raise DannError(
                        f"{file.label}: line {reader.line_num} ends after {len(row)} of {len(names)} columns; "
                        "the file was cut short or changed, so export or unpack it again"
                    )
                if ends_empty and row and not row[-1] and len(row) > len(names):
                    row.pop()
                if len(row) > len(names):
                    row[len(names) - 1 :] = [delimiter.join(row[len(names) - 1 :])]
                if row:
                    yield dict(zip(names, row, strict=False))
        except csv.Error:
            raise DannError(
                f'{file.label}: line {reader.line_num} is not a row of a table (a " that is not closed, or not '
                "doubled inside a cell); fix that line or export the file again"
            ) from None


def _header(rows: Iterator[list[str]], required: Collection[str]) -> list[str] | None:
    """Return the lower-case column names of the first row that has the required ones; it takes no row after that."""
    for number, row in enumerate(row for row in rows if any(row)):
        names = [name.strip().lower() for name in row]
        if names and set(required) <= set(names) and (len(names) > 1 or number == 0):
            return names
    return None


def is_table(head: bytes) -> bool:
    """Return whether a file is a table, not prose with commas: three columns, or two with names that no prose has."""
    return any(_is_table(decode_head(head).lstrip("\ufeff\r\n"), delimiter) for delimiter in ",;\t")


def _is_table(text: str, delimiter: str) -> bool:
    try:
        names, *data = islice(csv.reader(io.StringIO(text), delimiter=delimiter), 20)
    except (csv.Error, ValueError):
        return False
    names = names if names[-1:] != [""] else names[:-1]
    if not names or len(set(names)) < len(names) or not all(map(_COLUMN.fullmatch, names)):
        return False
    if len(names) < 3 and not (len(names) == 2 and all(map(_IDENTIFIER.fullmatch, names))):
        return False
    complete = data[:-1] or data  # the last row may go on beyond the head
    return bool(complete) and all(len(row) in (0, len(names), len(names) + 1) for row in complete)


def first_rows(head: bytes, delimiter: str = ",", required: Collection[str] = (), count: int = 2) -> list[list[str]]:
    """Return up to `count` rows of a file's head from its header on, column names in lower case. Never raises.

    The header is the first row that has the required columns; without any such row there is none.
    """
    text = decode_head(head).lstrip("\ufeff")
    reader = csv.reader(re.split(r"(?<=\n)|(?<=\r)(?!\n)", text), delimiter=delimiter)
    found: list[list[str]] = []
    with suppress(csv.Error):
        every = filter(None, reader)
        names = _header(islice(every, _HEADER_ROWS), required)
        if names and len(names) > 1 and not names[-1]:
            names.pop()
        if names:
            found = [names, *islice(every, count - 1)]
    return found
