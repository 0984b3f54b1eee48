"""JSON of any size as a stream, with errors that name the byte. Knows no format's keys."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO, TypeVar

import ijson

from model.errors import DannError
from training.exports.common.files import ExportFile

_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})"
)
_ANY_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_LONGEST_ESCAPE = len(rb"\ud83d\ude02")
_MAX_DEPTH = 100
"""Objects and arrays within each other; exports have ten, and each costs ijson all the memory of those around it."""
_STRUCTURE = b'[]{}"'
_OTHERS = bytes(set(range(256)) - set(_STRUCTURE))
_T = TypeVar("_T")


_MAX_DIGITS = 4_000
"""Of a number: Python converts no longer ones, and ijson crashes there. A text of more digits is no number."""
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))


class _TooDeepError(Exception):
    pass


class _TooLongError(Exception):
    pass


class _Depth:
    """Counts open objects and arrays, and the digits of numbers, a chunk at a time without parsing."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._digits = b""

    def add(self, chunk: bytes) -> None:
        """Count a chunk that ends in no escape. Raises _TooDeepError and _TooLongError."""
        bare = _ANY_ESCAPE.sub(b"", chunk) if b"\\" in chunk else chunk
        self._check_digits(bare)
        bare = bare.translate(None, _OTHERS).replace(b'""', b"")
        parts = bare.split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        for _ in range(_MAX_DEPTH):
            size = len(outside)
            outside = outside.replace(b"[]", b"").replace(b"{}", b"")
            if len(outside) == size:
                break
        opened = outside.count(b"[") + outside.count(b"{")
        self._depth += 2 * opened - len(outside)
        if max(self._depth, opened) > _MAX_DEPTH:
            raise _TooDeepError

    def _check_digits(self, bare: bytes) -> None:
        digits = self._digits + bare.translate(_DIGITS)
        at = digits.find(b"0" * _MAX_DIGITS)
        while at >= 0:
            before = bare[: max(0, at + _MAX_DIGITS - 1 - len(self._digits))]
            if not self._in_string ^ (before.count(b'"') % 2):
                raise _TooLongError
            end = bare.find(b'"', len(before))
            at = digits.find(b"0" * _MAX_DIGITS, len(self._digits) + end) if end >= 0 else -1
        self._digits = digits[1 - _MAX_DIGITS :]


def events(file: ExportFile) -> Iterator[tuple[str, str, Any]]:
    """Yield ijson's (prefix, event, value) for a file. Raises DannError where it is not JSON."""
    return _parsed(file, partial(ijson.parse, use_float=False))


def items(file: ExportFile, prefix: str, after: bytes = b"") -> Iterator[Any]:
    """Yield every value under `prefix`, after a preamble that ends with `after` if given.

    Text after the JSON is tolerated only with such a preamble (a JavaScript file may end in a semicolon). Raises DannError
    where the file is not JSON.
    """
    return _parsed(file, partial(ijson.items, prefix=prefix, use_float=False), after)


def mapping(value: object) -> dict[str, Any]:
    """Return an object unchanged, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """Return the objects in an array, and none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _RepairedStream:
    r"""A byte stream without what ijson rejects: a byte order mark, lone surrogates, and Telegram's "\x0C" for "\u000C"."""

    def __init__(self, binary: BinaryIO, after: bytes = b"") -> None:
        self._binary = binary
        self.position = 0
        self.ended = False
        self._depth = _Depth()
        head = self._take(4096)
        self._head = head.partition(after)[2] if after else head.removeprefix(b"\xef\xbb\xbf")

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes, a few more where an escape would be split."""
        if size == 0:  # ijson's test for bytes or text
            return b""
        chunk, self._head = self._head or self._take(size), b""
        while b"\\" in chunk[-_LONGEST_ESCAPE:] and not self.ended:
            chunk += self._take(_LONGEST_ESCAPE)
        self._depth.add(chunk)
        return _ESCAPE.sub(_repaired, chunk) if b"\\u" in chunk or b"\\x" in chunk else chunk

    def _take(self, size: int) -> bytes:
        chunk = self._binary.read(size)
        self.position += len(chunk)
        self.ended = self.ended or not chunk
        return chunk


def _repaired(escape: re.Match[bytes]) -> bytes:
    if escape[2]:
        return rb"\u00" + escape[2]
    return rb"\ufffd" if escape[1] else escape[0]


def _parsed(file: ExportFile, parse: Callable[[_RepairedStream], Iterator[_T]], after: bytes = b"") -> Iterator[_T]:
    with file.open() as binary:
        stream = _RepairedStream(binary, after)
        try:
            yield from parse(stream)
        except _TooLongError:
            raise DannError(
                f"{file.label}: has a number of over {_MAX_DIGITS:,} digits before byte {stream.position}; no export "
                "has, so it is not read"
            ) from None
        except _TooDeepError:
            raise DannError(
                f"{file.label}: has over {_MAX_DEPTH} objects and lists within each other before byte {stream.position}; no "
                "export has, so it is not read"
            ) from None
        except (ijson.JSONError, ValueError) as error:
            # ijson's own message quotes the text around the error, which is somebody's post.
            if after and "trailing garbage" in str(error):
                return
            problem = f"{'breaks off at' if stream.ended else 'is not JSON somewhere before'} byte {stream.position}"
            raise DannError(
                f"{file.label}: {problem}; it was cut short or changed, so export or unpack it again"
            ) from None
