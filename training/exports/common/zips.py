"""Zip members, checked before any is read, never unpacked to disk. Knows no format."""

import re
import stat
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from model.errors import DannError
from training.exports.common.stream_errors import DAMAGE, printable_path

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_MAX_RATIO = 100
"""Chats compress about tenfold. A zip far beyond that was made to fill a disk."""
_OUTSIDE = re.compile(r"/|[A-Za-z]:|(?:[^\0]*/)?\.\.(?:/|$)")
_ENCRYPTED = 0x1


def members(path: Path) -> list[tuple[str, Callable[[], IO[bytes]]]]:
    """Return the name of each file in a zip with a function to open it, unpacked when read.

    Raises DannError for a zip that is truncated, damaged, encrypted, that unpacks to more than 100 times its size, or that
    names a file outside its own folder.
    """
    label, size = printable_path(str(path)), path.stat().st_size
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGE, OSError, struct.error, IndexError):
        raise DannError(
            f"{label}: starts like a zip, but its list of files, due at the end, is not whole at byte {size}; "
            "it was cut short or changed, so download or copy it again"
        ) from None
    infos = archive.infolist()
    _check(label, size, infos)
    files = (info for info in infos if not stat.S_ISLNK(info.external_attr >> 16))
    named = ((_plain_name(info), info) for info in files)
    return [(name, partial(archive.open, info)) for name, info in named if not name.endswith("/")]


def _plain_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name with slashes: some programs on Windows write backslashes."""
    return info.orig_filename.split("\0")[0].replace("\\", "/")


def _check(label: str, size: int, infos: list[zipfile.ZipInfo]) -> None:
    for info in infos:
        if _OUTSIDE.match(_plain_name(info)):
            raise DannError(
                f"{label}: names a file outside its own folder ({info.orig_filename!a}); no export does, so none of it "
                "is read: unpack it yourself if you trust it"
            )
        if info.flag_bits & _ENCRYPTED:
            raise DannError(f"{label}: is encrypted; unpack it with its password and import the folder")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > _MAX_RATIO * size:
        raise DannError(
            f"{label}: would unpack from {size} bytes to {unpacked}, over {_MAX_RATIO} times its size; no export does, "
            "so none of it is read: unpack it yourself if you trust it"
        )
