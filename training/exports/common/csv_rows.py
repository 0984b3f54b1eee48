"""CSV rows as a stream, with errors that name the line. Knows no column's meaning."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, open_text

_MAX_CELL = 1 << 24
"""Characters. A quote that is never closed swallows what follows; this keeps it from being all of a large file."""

_COLUMN = re.compile(r"[A-Za-z_][\w .#-]{0,40}")


def rows(
    file: ExportFile, required: Collection[str], delimiter: str = ",", strict: bool = True
) -> Iterator[dict[str, str]]:
    """Yield each row as a dict by lower-case column name; surplus cells join the last column.

    Raises DannError for a missing required column and for an overlong cell, and when strict also for stray or unclosed
    quotes and short rows.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    with open_text(file) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=strict)
        try:
            names = [name.strip().lower() for name in next(reader, [])]
            if missing := [name for name in required if name not in names]:
                raise DannError(
                    f"{file.label}: line 1 has no column {missing[0]!r}; give a table with {', '.join(required)}"
                )
            for row in reader:
                if strict and row and len(row) < len(names):
                    raise DannError(
                        f"{file.label}: line {reader.line_num} ends after {len(row)} of {len(names)} columns; "
                        "the file was cut short or changed, so export or unpack it again"
                    )
                if len(row) > len(names):
                    row[len(names) - 1 :] = [delimiter.join(row[len(names) - 1 :])]
                if row:
                    yield dict(zip(names, row, strict=False))
        except csv.Error:
            raise DannError(
                f'{file.label}: line {reader.line_num} is not a row of a table (a " that is not closed, or not '
                "doubled inside a cell); fix that line or export the file again"
            ) from None


def is_table(head: bytes) -> bool:
    """Return whether a file is a table of three columns or more, not prose with commas."""
    return any(_is_table(decode_head(head).lstrip("\ufeff"), delimiter) for delimiter in ",;\t")


def _is_table(text: str, delimiter: str) -> bool:
    try:
        names, *data = islice(csv.reader(io.StringIO(text), delimiter=delimiter), 20)
    except (csv.Error, ValueError):
        return False
    if len(names) < 3 or len(set(names)) < len(names) or not all(map(_COLUMN.fullmatch, names)):
        return False
    complete = data[:-1] or data  # the last row may go on beyond the head
    return bool(complete) and all(len(row) in (0, len(names)) for row in complete)


def first_rows(head: bytes, delimiter: str = ",") -> list[list[str]]:
    """Return up to two rows of a file's head, column names in lower case. Never raises."""
    text = decode_head(head)
    reader = csv.reader(re.split(r"(?<=\n)|(?<=\r)(?!\n)", text), delimiter=delimiter)
    first: list[list[str]] = []
    with suppress(csv.Error):
        for row in islice(filter(None, reader), 2):
            first.append(row if first else [name.strip().lower() for name in row])
    return first
