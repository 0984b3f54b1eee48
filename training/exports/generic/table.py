"""Reader for tables with commas, semicolons or tabs and the columns of fields.py."""

import re
from collections.abc import Iterator

from training.exports.common.csv_rows import BrokenRow, first_rows, rows
from training.exports.common.files import ExportFile
from training.exports.common.local_time import MonthVotes
from training.exports.common.record import ExportReader, Record
from training.exports.generic.columns import plain_key
from training.exports.generic.fields import RecordMaker
from training.exports.generic.survey import ColumnSurvey

_PLATFORM = "csv"
_DELIMITERS = (",", ";", "\t")
_TWEETS = "tweet_id"
"""A column of tweets.csv in X archives of 2012 to 2017, whose `text` includes retweets of others."""
_REQUIRED = ["text"]
_SAMPLES = 20
_SLASHES = re.compile(r"\s*\d{1,2}/\d{1,2}/\d{2,4}\b")
_NAME = re.compile(r"[\w .-]*")


def read(file: ExportFile) -> Iterator[Record]:
    """Yield one record per row, broken ones too; missing cells are empty. Raises DannError as `rows` and `RecordMaker` do."""
    head = file.head()
    delimiter = _delimiter(head) or ","
    names, *samples = first_rows(head, delimiter, _REQUIRED, _SAMPLES) or [[]]
    keys = {name: plain_key(name) for name in names}
    with_slashes = any(_SLASHES.match(cell) for row in samples for cell in row)
    formerly = MonthVotes("/")

    def records() -> Iterator[dict[str, str]]:
        yield dict.fromkeys(keys.values(), "")
        for row in rows(file, _REQUIRED, delimiter):
            if not isinstance(row, BrokenRow):
                yield {keys[name]: cell for name, cell in row.items()}
                for cell in row.values() if with_slashes else ():
                    formerly.add(cell)

    survey = ColumnSurvey().read(records())
    survey.formerly_month_first = formerly.month_first
    maker = RecordMaker(survey, _PLATFORM, file.label)
    for row in rows(file, _REQUIRED, delimiter):
        if isinstance(row, BrokenRow):
            yield maker.broken(f"line {row.line}")
        else:
            yield maker.record({keys[name]: cell for name, cell in row.items()})


def _delimiter(head: bytes) -> str | None:
    """Return the delimiter of a table with a `text` column, or None if it is no such table.

    A line of prose may contain "text" and a comma, so the row after the header must have as many cells.
    """
    for delimiter in _DELIMITERS:
        header, *data = first_rows(head, delimiter, _REQUIRED) or [[]]
        fits = len(header) == 1 or all(len(row) in (len(header), len(header) + 1) for row in data[:1])
        if header and fits and _TWEETS not in header and all(_NAME.fullmatch(name) for name in header):
            return delimiter
    return None


def claims(head: bytes) -> bool:
    """Claim a header with a column named "text" and a row of the same width."""
    return _delimiter(head) is not None


READER = ExportReader("csv", claims, read)
