"""Rows of a CSV file as dicts, streamed, whatever its delimiter. Knows no format's columns."""

import csv
import sys
from collections.abc import Iterator
from typing import Literal

from model.errors import DannError
from training.exports.files import ExportFile, open_text, text_of

Delimiter = Literal[",", ";", "\t"]
_DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t")


def header(head: bytes) -> tuple[list[str], Delimiter]:
    """Return the column names of a file that begins with `head`, lower-cased, and what stands between them."""
    first = text_of(head).lstrip("\ufeff").split("\n", 1)[0].strip("\r")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        names = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        names = []
    return [name.strip().casefold() for name in names], delimiter


def rows(file: ExportFile) -> Iterator[dict[str, str]]:
    """Yield each row by the header's names, lower-cased; missing cells are empty. Raises DannError naming file and line."""
    with file.open() as stream:
        names, delimiter = header(stream.read(1 << 16))
    csv.field_size_limit(sys.maxsize)  # one field may be a whole essay; the default stops at 128 KiB
    with open_text(file) as text:
        reader = csv.reader(text, delimiter=delimiter)
        try:
            next(reader, None)
            for cells in reader:
                if cells:
                    yield dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
        except csv.Error as error:
            raise DannError(f"{file.label}: line {reader.line_num} is not CSV ({error}); export it again") from None
