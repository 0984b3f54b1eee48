"""JSON of any size, piece by piece, with errors a person can act on. Knows no format's keys."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeVar

import ijson

from model.errors import DannError
from training.exports.common.files import ExportFile

_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_LONGEST_ESCAPE = len(rb"\ud83d\ude02")
_T = TypeVar("_T")


def events(file: ExportFile) -> Iterator[tuple[str, str, Any]]:
    """Yield ijson's (prefix, event, value) over the whole file. Raises DannError where it is not JSON."""
    with file.open() as binary:
        stream = _Mended(binary)
        yield from _told(file, stream, ijson.parse(stream, use_float=True))


def items(file: ExportFile, prefix: str, after: bytes = b"") -> Iterator[Any]:
    """Yield every value under `prefix`, skipping a preamble up to and with `after` if given.

    What follows the JSON is only tolerated behind such a preamble (a JavaScript file may end in a semicolon).
    Raises DannError where the file is not JSON.
    """
    with file.open() as binary:
        stream = _Mended(binary, after)
        yield from _told(file, stream, ijson.items(stream, prefix, use_float=True))


def mapping(value: object) -> dict[str, Any]:
    """Return an object as it is, and an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """Return the objects in an array, and none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _Mended:
    """A binary stream that counts, drops a byte order mark, and mends half surrogate pairs, which ijson cannot read."""

    def __init__(self, binary: BinaryIO, after: bytes = b"") -> None:
        self._binary = binary
        self.at = 0
        self.ended = False
        self.has_preamble = bool(after)
        begin = self._take(4096)
        self._begin = begin.partition(after)[2] if after else begin.removeprefix(b"\xef\xbb\xbf")

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes, a few more where an escape would be cut in two."""
        if size == 0:  # ijson asks, to see whether it gets bytes or text
            return b""
        chunk, self._begin = self._begin or self._take(size), b""
        while b"\\" in chunk[-_LONGEST_ESCAPE:] and not self.ended:
            chunk += self._take(_LONGEST_ESCAPE)
        return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], chunk) if b"\\u" in chunk else chunk

    def _take(self, size: int) -> bytes:
        chunk = self._binary.read(size)
        self.at += len(chunk)
        self.ended = self.ended or not chunk
        return chunk


def _told(file: ExportFile, stream: _Mended, values: Iterator[_T]) -> Iterator[_T]:
    try:
        yield from values
    except (ijson.JSONError, UnicodeDecodeError) as error:
        # The error itself quotes the text around it, which is somebody's post.
        if stream.has_preamble and "trailing garbage" in str(error):
            return
        found = f"breaks off at byte {stream.at}" if stream.ended else f"is not JSON somewhere before byte {stream.at}"
        raise DannError(f"{file.label}: {found}; it was cut short or changed, so export or unpack it again") from None
