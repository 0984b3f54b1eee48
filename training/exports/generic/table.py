"""Tables parted by commas, semicolons or tabs, with a header that has `text`, and what else `fields` knows."""

import re
from collections.abc import Iterator

from training.exports.common.csv_rows import first_rows, rows
from training.exports.common.files import ExportFile
from training.exports.common.record import ExportReader, Record
from training.exports.generic import fields

_PLATFORM = "csv"
_DELIMITERS = (",", ";", "\t")
_HEAD_BYTES = 1 << 16
_TWEETS = "tweet_id"
"""A column of the tweets.csv in archives of 2012 to 2017, which has other people's retweeted words in its `text`."""
_NAME = re.compile(r"[\w .-]*")


def read(file: ExportFile) -> Iterator[Record]:
    """Yield one record a row; missing cells are empty. Raises DannError as `rows` does."""
    with file.open() as stream:
        delimiter = _delimiter(stream.read(_HEAD_BYTES)) or ","
    for row in rows(file, ["text"], delimiter, strict=False):
        yield fields.record(row, _PLATFORM)


def _delimiter(head: bytes) -> str | None:
    """Return what parts the columns of a table with a text, or None where there is no such table.

    A line of prose may hold the word and a comma, so the row after the header must have as many cells.
    """
    for delimiter in _DELIMITERS:
        found = first_rows(head, delimiter)
        header = found[0] if found else []
        fits = len(header) == 1 or all(len(row) == len(header) for row in found)
        if fits and "text" in header and _TWEETS not in header and all(_NAME.fullmatch(name) for name in header):
            return delimiter
    return None


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim a header with a column called "text" and a row that fits it."""
    return _delimiter(head) is not None


READER = ExportReader("csv", claims, read)
