"""CSV with a header that has `text`; where known `id, author, channel, time, reply_to`. Comma, semicolon or tab."""

from collections.abc import Iterator

from training.exports import fields, tabular
from training.exports.files import ExportFile
from training.exports.record import Reader, Record


def _claims(_file: ExportFile, head: bytes) -> bool:
    names, _ = tabular.header(head)
    return ("text" in names and len(names) > 1) or (names == ["text"] and b"\n" in head)


def _read(file: ExportFile) -> Iterator[Record]:
    for row in tabular.rows(file):
        yield fields.record(row, READER.name)


READER = Reader("csv", _claims, _read)
