"""Streams that say in one line what is wrong when reading fails. Knows nothing of what the bytes mean."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, BinaryIO

from model.errors import DannError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What reading a damaged zip, or one packed in a way Python lacks, may raise besides OSError."""


def open_guarded(label: str, source: Callable[[], IO[bytes]]) -> BinaryIO:
    """Open a source to read it from its start. Raises DannError, now or while it is read, naming `label`."""
    try:
        return io.BufferedReader(_Guarded(label, source()), buffer_size=1 << 16)
    except OSError as error:
        raise unreadable(label, error) from None
    except DAMAGE:
        raise DannError(f"{label}: cannot be unpacked; the zip is damaged, so download or copy it again") from None


def unreadable(label: str, error: OSError) -> DannError:
    """Make the error for a file or folder that the system will not let us read."""
    return DannError(
        f"{label}: cannot be read ({error.strerror or 'input/output error'}); check it and its permissions"
    )


def printable_path(path: str) -> str:
    """Make a path safe to print on one line: names may hold line breaks, or bytes that are no text."""
    return "".join(character if character.isprintable() else "\ufffd" for character in path)


class _Guarded(io.RawIOBase):
    def __init__(self, label: str, source: IO[bytes]) -> None:
        self._label = label
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        try:
            chunk = self._source.read(len(view))
        except DAMAGE:
            raise DannError(
                f"{self._label}: damaged somewhere after byte {self._at} (unpacked); download or copy the zip again"
            ) from None
        except OSError as error:
            raise unreadable(f"{self._label} at byte {self._at}", error) from None
        view[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def close(self) -> None:
        self._source.close()
        super().close()
