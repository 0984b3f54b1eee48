"""Files to read, wherever they lie: on disk, in a folder or in a zip. Knows nothing of formats."""

import io
import logging
import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, TextIO

from model.errors import DannError
from training.exports.common import encodings, zips
from training.exports.common.encodings import text_of
from training.exports.common.stream_errors import open_guarded, printable_path, unreadable

__all__ = ["ExportFile", "open_text", "open_tree", "text_of"]

_Opener = Callable[[], IO[bytes]]
_Member = tuple[str, _Opener]

_log = logging.getLogger("dann")


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One readable file: `label` is what to call it in a message, `open()` a fresh binary stream from its start.

    `sibling("../index.json")` finds a file by its path relative to this one, names compared without case, or None.
    """

    label: str
    path: str
    open: Callable[[], BinaryIO]
    sibling: "Callable[[str], ExportFile | None]"


def open_tree(path: Path) -> list[ExportFile]:
    """Return the file at `path`, or every file in the folder or zip there, sorted by path.

    Hidden files are left out and links to folders are not followed. A zip is known by its content; one that lies in a
    folder stays closed. Raises DannError for what is not there, cannot be read, or is a zip not to be trusted.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            found = "is neither a file nor a folder" if path.exists() else "there is no such file or folder"
            raise DannError(f"{printable_path(str(path))}: {found}; give an export's file, folder or zip")
        with path.open("rb") as stream:
            head = stream.read(4)
        return _zip(path) if zips.is_zip(head) else [_on_disk(path, path.name)]
    except OSError as error:
        raise unreadable(printable_path(str(path)), error) from None


def open_text(file: ExportFile) -> TextIO:
    """Open a file as text with LF line ends, in UTF-8, UTF-16 with a byte order mark, or else Windows-1252.

    It is read to its end once to know; a note is logged where it is not valid UTF. Raises DannError as `open` does.
    """
    return io.TextIOWrapper(file.open(), encoding=_encoding(file), errors="replace")


@lru_cache(maxsize=1)  # some readers go over a file twice, which should neither cost nor be said twice
def _encoding(file: ExportFile) -> encodings.Encoding:
    with file.open() as stream:
        name, valid = encodings.guess(stream)
    if not valid:
        read_as = "as Windows-1252" if name == "cp1252" else "with U+FFFD in place of what is damaged"
        _log.warning("%s: is not valid UTF-8; read %s", file.label, read_as)
    return name


def _folder(root: Path) -> list[ExportFile]:
    def refuse(error: OSError) -> None:
        raise error

    files = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not _hidden(name)]
        paths = [Path(folder, name) for name in names if not _hidden(name)]
        files += [_on_disk(path, path.relative_to(root).as_posix()) for path in paths if path.is_file()]
    return sorted(files, key=lambda file: file.path)


def _on_disk(path: Path, name: str) -> ExportFile:
    label = printable_path(str(path))
    return ExportFile(label, name, partial(open_guarded, label, lambda: path.open("rb")), partial(_beside, path))


def _beside(path: Path, relative: str) -> ExportFile | None:
    """Find a file on disk, also outside of the tree that was opened: one file of an export may be opened alone."""
    found = path.parent
    for part in PurePosixPath(relative).parts:
        exact = found / part
        if part != ".." and not exact.exists():
            exact = next((entry for entry in _entries(found) if entry.name.casefold() == part.casefold()), exact)
        found = exact
    return _on_disk(found, found.name) if found.is_file() else None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _zip(path: Path) -> list[ExportFile]:
    members = [
        (name, opened) for name, opened in zips.members(path) if not any(_hidden(part) for part in name.split("/"))
    ]
    by_name = {posixpath.normpath(name).casefold(): (name, opened) for name, opened in members}
    return [_in_zip(path, by_name, *member) for member in sorted(members, key=lambda member: member[0])]


def _in_zip(path: Path, by_name: dict[str, _Member], name: str, opened: _Opener) -> ExportFile:
    def beside(relative: str) -> ExportFile | None:
        there = posixpath.normpath(posixpath.join(posixpath.dirname(name), relative)).casefold()
        return _in_zip(path, by_name, *by_name[there]) if there in by_name else None

    label = printable_path(f"{path}/{name}")
    return ExportFile(label, name, partial(open_guarded, label, opened), beside)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
