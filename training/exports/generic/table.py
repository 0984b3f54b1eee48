"""Reader for tables with commas, semicolons or tabs and the columns of fields.py."""

import re
from collections.abc import Iterator

from training.exports.common.csv_rows import first_rows, rows
from training.exports.common.files import ExportFile
from training.exports.common.record import ExportReader, Record
from training.exports.generic import fields

_PLATFORM = "csv"
_DELIMITERS = (",", ";", "\t")
_TWEETS = "tweet_id"
"""A column of tweets.csv in X archives of 2012 to 2017, whose `text` includes retweets of others."""
_NAME = re.compile(r"[\w .-]*")


def read(file: ExportFile) -> Iterator[Record]:
    """Yield one record per row; missing cells are empty. Raises DannError as `rows` does."""
    for row in rows(file, ["text"], _delimiter(file.head()) or ",", strict=False):
        yield fields.record(row, _PLATFORM)


def _delimiter(head: bytes) -> str | None:
    """Return the delimiter of a table with a `text` column, or None if it is no such table.

    A line of prose may contain "text" and a comma, so the row after the header must have as many cells.
    """
    for delimiter in _DELIMITERS:
        first = first_rows(head, delimiter)
        header = first[0] if first else []
        fits = len(header) == 1 or all(len(row) == len(header) for row in first)
        if fits and "text" in header and _TWEETS not in header and all(_NAME.fullmatch(name) for name in header):
            return delimiter
    return None


def claims(head: bytes) -> bool:
    """Claim a header with a column named "text" and a row of the same width."""
    return _delimiter(head) is not None


READER = ExportReader("csv", claims, read)
