"""Tables of cells row by row, whatever their columns mean, with errors a person can act on."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import islice

from model.errors import DannError
from training.exports.common.encodings import text_of
from training.exports.common.files import ExportFile, open_text

_LONGEST_CELL = 1 << 24
"""Characters. A quote that never closes takes in all that follows, which must not be the whole of a large file."""

_COLUMN = re.compile(r"[A-Za-z_][\w .#-]{0,40}")


def rows(
    file: ExportFile, needed: Collection[str], delimiter: str = ",", strict: bool = True
) -> Iterator[dict[str, str]]:
    """Yield each row by the header's names in lower case; what stands beyond the last column is part of its cell.

    Raises DannError for a column missing that is needed and for a cell too long to be one, and when strict also for
    stray or open quotes and rows cut short.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    with open_text(file) as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=strict)
        try:
            names = [name.strip().lower() for name in next(reader, [])]
            if missing := [name for name in needed if name not in names]:
                raise DannError(
                    f"{file.label}: line 1 has no column {missing[0]!r}; give a table with {', '.join(needed)}"
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
                "doubled inside a cell); mend that line or export the file again"
            ) from None


def is_table(head: bytes) -> bool:
    """Tell whether a file is rows under a header of three columns or more, and not a person's "yes, no, maybe"."""
    return any(_is_table(text_of(head).lstrip("\ufeff"), delimiter) for delimiter in ",;\t")


def _is_table(text: str, delimiter: str) -> bool:
    try:
        names, *found = islice(csv.reader(io.StringIO(text), delimiter=delimiter), 20)
    except (csv.Error, ValueError):
        return False
    if len(names) < 3 or len(set(names)) < len(names) or not all(map(_COLUMN.fullmatch, names)):
        return False
    whole = found[:-1] or found  # the last may go on beyond the head
    return bool(whole) and all(len(row) in (0, len(names)) for row in whole)


def first_rows(head: bytes, delimiter: str = ",") -> list[list[str]]:
    """Return up to two rows from the beginning of a file, the header's names in lower case. Never raises."""
    text = text_of(head)
    reader = csv.reader(re.split(r"(?<=\n)|(?<=\r)(?!\n)", text), delimiter=delimiter)
    found: list[list[str]] = []
    try:
        for row in reader:
            if row:
                found.append(row if found else [name.strip().lower() for name in row])
            if len(found) == 2:
                break
    except csv.Error:
        return found
    return found
