"""CSV rows as a stream, with errors that name the line. Knows no column's meaning."""

import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, islice, pairwise
from typing import NamedTuple

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, read_lines

_MAX_CELL = 1 << 24
"""Characters. A quote that is never closed swallows what follows; this keeps it from being all of a large file."""

_HEADER_ROWS = 12
"""Rows among which the header is looked for: a title, blank lines and "sep=;" may stand over it."""
_IDENTIFIER = re.compile(r"[A-Za-z]\w{0,40}", re.ASCII)
_COLUMN = re.compile(r"[A-Za-z_][\w .#-]{0,40}")


_MOST_REREAD = 20
"""Times that the rest of a file is read again after a quote without an end; a file with more is refused."""


class BrokenRow(NamedTuple):
    """A row that is not of its table's form, and what to say where it is the last.

    `line` is its last line, or its first where a quote has no end.
    """

    line: int
    error: DannError


def rows(file: ExportFile, required: Collection[str], delimiter: str = ",") -> Iterator[dict[str, str] | BrokenRow]:
    """Yield each row as a dict by lower-case column name; surplus cells join the last column, missing ones are left out.

    Blank lines, a title and "sep=;" may come before the header. A quote that swallows the rows after it makes its own row a
    BrokenRow, and no other. Raises DannError for a missing required column, for an overlong cell and for many such quotes.
    """
    with closing(read_lines(file)) as lines:
        table = _Table(file, lines, required, delimiter, strict=False)
        for row in table.rows():
            yield row if isinstance(row, BrokenRow) else table.by_name(row)


def strict_rows(
    file: ExportFile, required: Collection[str], delimiter: str = ","
) -> Iterator[dict[str, str] | BrokenRow]:
    """Yield each row of a program's table as `rows` does, or BrokenRow for a short one and one with stray quotes.

    Raises DannError as `rows` does, and where the last row is broken: the file was cut.
    """
    with closing(read_lines(file)) as lines:
        table = _Table(file, lines, required, delimiter, strict=True)
        for row, following in pairwise(chain(table.rows(), [None])):
            if isinstance(row, BrokenRow):
                if following is None:
                    raise row.error
                yield row
            elif row is not None:
                yield table.by_name(row)


class _Lines(Iterator[str]):
    """Lines with their ends, of which those of the current row can be read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.row: list[str] = []
        self.number = 0
        self.ended = False

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.row.append(line)
        self.number += 1
        return f"{line}\n"

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self.row = []
        self.ended = False

    def read_again(self, kept: int = 0) -> None:
        """Go back to the row's first line, or to that after the `kept` first."""
        back = self.row[kept:]
        self._again.extendleft(reversed(back))
        self.number -= len(back)
        self.row = []
        self.ended = False


class _Table:
    """A table from its header on."""

    def __init__(
        self, file: ExportFile, lines: Iterable[str], required: Collection[str], delimiter: str, *, strict: bool
    ) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
        self._file, self._delimiter, self._strict = file, delimiter, strict
        self._lines = _Lines(lines)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        self._lenient = csv.reader(self._lines, delimiter=delimiter)
        self._reread = 0
        try:
            names = _header(islice(self._reader if strict else self._lenient, _HEADER_ROWS), required)
        except csv.Error:
            raise self._not_a_row(self._lines.number) from None
        if names is None:
            raise DannError(
                f"{file.label}: line 1 has no column {next(iter(required))!r}; give a table with {', '.join(required)}"
            )
        self._ends_empty = names[-1] == ""  # a delimiter at the end of each row
        self._names = names[:-1] if self._ends_empty else names

    def rows(self) -> Iterator[list[str] | BrokenRow]:
        """The cells of each row that is not blank."""
        while True:
            self._lines.begin_row()
            row: list[str] | BrokenRow | None
            try:
                row = next(self._reader, None)
            except csv.Error as error:
                if "limit" in str(error):  # what follows is inside of a cell, too
                    raise self._not_a_row(self._first_line) from None
                row = (
                    BrokenRow(self._lines.number, self._not_a_row(self._lines.number))
                    if self._strict
                    else self._row_with_stray_quotes()
                )
            if row is None:
                return
            if self._strict and not isinstance(row, BrokenRow) and 0 < len(row) < len(self._names):
                row = BrokenRow(self._lines.number, self._too_short(row))
            if row:
                yield row

    @property
    def _first_line(self) -> int:
        return self._lines.number - len(self._lines.row) + 1

    def _row_with_stray_quotes(self) -> list[str] | BrokenRow:
        """Read a row again in which a quote is stray: leniently, unless it swallows other rows or has no end."""
        lines = self._lines
        swallows = not lines.ended and len(self._names) > 1 and len(lines.row) > 1 and self._are_rows(lines.row[1:])
        if not (lines.ended or swallows):
            lines.read_again()
            try:
                row = next(self._lenient)
            except csv.Error:
                raise self._not_a_row(self._first_line) from None
            if not lines.ended:
                return row
        broken = BrokenRow(self._first_line, self._not_a_row(self._first_line))
        self._reread += 1
        if self._reread > _MOST_REREAD:
            raise broken.error
        if swallows or self._are_rows(lines.row[1:]):
            lines.read_again(kept=1)
        return broken

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Whether most lines have a row's cells each, so that they are no message's own lines."""
        whole = [line for line in lines if not line.isspace() and line]
        complete = sum(line.count(self._delimiter) >= len(self._names) - 1 for line in whole)
        return 4 * complete >= 3 * len(whole)

    def by_name(self, row: list[str]) -> dict[str, str]:
        """A row's cells by column."""
        if self._ends_empty and not row[-1] and len(row) > len(self._names):
            row.pop()
        if len(row) > len(self._names):
            row[len(self._names) - 1 :] = [self._delimiter.join(row[len(self._names) - 1 :])]
        return dict(zip(self._names, row, strict=False))

    def _too_short(self, row: list[str]) -> DannError:
        return DannError(
            f"{self._file.label}: line {self._lines.number} ends after {len(row)} of {len(self._names)} columns; "
            "the file was cut short or changed, so export or unpack it again"
        )

    def _not_a_row(self, line: int) -> DannError:
        return DannError(
            f'{self._file.label}: line {line} is not a row of a table (a " that is not closed, or not '
            "doubled inside a cell); fix that line or export the file again"
        )


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
