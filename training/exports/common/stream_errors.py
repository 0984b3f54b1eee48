"""Byte streams whose failures become one-line DannErrors. Knows no format."""

import io
import logging
import lzma
import zipfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import IO, TYPE_CHECKING, BinaryIO

from model.errors import DannError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LINE_CHARACTERS = 100
"""Of a name or a text that is shown."""
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""Exceptions besides OSError from a damaged zip, or one compressed in a way Python does not support."""


def open_guarded(label: str, source: Callable[[], IO[bytes]]) -> BinaryIO:
    """Open a source from its start. Raises DannError naming `label`, now or while it is read."""
    try:
        return io.BufferedReader(_Guarded(label, source()), buffer_size=1 << 16)
    except OSError as error:
        raise unreadable(label, error) from None
    except DAMAGE:
        raise DannError(f"{label}: cannot be unpacked; the zip is damaged, so download or copy it again") from None


def unreadable(label: str, error: OSError) -> DannError:
    """Return the error for a file or folder that the operating system refuses to read."""
    return DannError(
        f"{label}: cannot be read ({error.strerror or 'input/output error'}); check it and its permissions"
    )


@lru_cache(maxsize=4096)  # an import reads each file twice
def warn_once(line: str) -> None:
    """Log a warning about a file, but the same one only once."""
    logging.getLogger("dann").warning("%s", line)


def printable_path(path: str) -> str:
    """Make a path printable on one line; names may contain line breaks or invalid text."""
    return "".join(character if character.isprintable() else "\ufffd" for character in path)


def one_line(text: str, most: int = LINE_CHARACTERS) -> str:
    """Return a text on one line: shortened, and without anything that a terminal would obey."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


class _Guarded(io.RawIOBase):
    def __init__(self, label: str, source: IO[bytes]) -> None:
        self._label = label
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        try:
            chunk = self._source.read(len(view))
        except DAMAGE:
            raise DannError(
                f"{self._label}: damaged somewhere after byte {self._position} (unpacked); download or copy the zip again"
            ) from None
        except OSError as error:
            raise unreadable(f"{self._label} at byte {self._position}", error) from None
        view[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def close(self) -> None:
        self._source.close()
        super().close()
