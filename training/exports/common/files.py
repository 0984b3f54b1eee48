"""Readable files on disk, in a folder or in a zip. Knows no format."""

import io
import logging
import os
import posixpath
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, TextIO

from model.errors import DannError
from training.exports.common import encodings, zips
from training.exports.common.stream_errors import open_guarded, printable_path, unreadable

_Opener = Callable[[], IO[bytes]]
_Member = tuple[str, _Opener]

MAX_LINE = 1_000_000
"""Characters of one line."""

_log = logging.getLogger("dann")


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One readable file, whose `open()` returns a new binary stream; `label` names it in errors.

    `sibling("../index.json")` returns a file by its path relative to this one, ignoring case, or None.
    """

    label: str
    path: str
    open: Callable[[], BinaryIO]
    sibling: "Callable[[str], ExportFile | None]"

    def head(self) -> bytes:
        """Return the first 64 KiB, which tell the file's format."""
        with self.open() as stream:
            return stream.read(1 << 16)


def open_tree(path: Path) -> list[ExportFile]:
    """Return the file at `path`, or every file in the folder or zip there, sorted by path.

    Skips hidden files and does not follow links to folders. A zip is recognized by its content; a zip inside a folder is
    not opened. Raises DannError for a missing or unreadable path and for a zip that is not safe to read.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            problem = "is neither a file nor a folder" if path.exists() else "there is no such file or folder"
            raise DannError(f"{printable_path(str(path))}: {problem}; give an export's file, folder or zip")
        with path.open("rb") as stream:
            head = stream.read(4)
        return _zip(path) if head.startswith(zips.SIGNATURES) else [_on_disk(path, path.name)]
    except OSError as error:
        raise unreadable(printable_path(str(path)), error) from None


def open_text(file: ExportFile) -> TextIO:
    """Open a file as text with LF line ends: UTF-8, UTF-16 with a mark, or else Windows-1252.

    Reads it once to detect the encoding, and logs a warning for invalid UTF-8. Raises DannError as `open` does, and for a
    text in another encoding.
    """
    return io.TextIOWrapper(file.open(), encoding=_encoding(file), errors="replace")


def read_lines(file: ExportFile, *, keep_returns: bool = False) -> Generator[str]:
    """Yield a file's lines without their LF; with `keep_returns`, a CR before it stays.

    Raises DannError for a text in another encoding, and for a line of over a million characters, which no export has: what
    reads lines must hold one.
    """
    newline = "\n" if keep_returns and b"\n" in file.head() else None
    with io.TextIOWrapper(file.open(), encoding=_encoding(file), errors="replace", newline=newline) as text:
        left, count = "", 0
        while block := text.read(1 << 15):
            lines = (left + block).split("\n")
            left = lines.pop()
            count += len(lines)
            if len(left) > MAX_LINE or (len(lines) == 1 and len(lines[0]) > MAX_LINE):
                raise DannError(
                    f"{file.label}: line {count + (len(left) > MAX_LINE)} has over {MAX_LINE:,} characters; "
                    "no export has such lines, so export it again"
                )
            yield from lines
        if left:
            yield left


@lru_cache(maxsize=1)  # some readers read a file twice; detect its encoding and warn about it once
def _encoding(file: ExportFile) -> encodings.Encoding:
    with file.open() as stream:
        name, valid = encodings.guess_encoding(stream)
    if name is None:
        raise DannError(
            f"{file.label}: is neither UTF-8 nor Windows-1252, so its letters cannot be told; allowed are these and UTF-16: "
            "save it as UTF-8 in the program that it is from, or in an editor that shows it right"
        )
    if not valid:
        read_as = "as Windows-1252" if name == "cp1252" else "with U+FFFD in place of damaged bytes"
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
    return ExportFile(
        label, name, partial(open_guarded, label, lambda: path.open("rb")), partial(_sibling_on_disk, path)
    )


def _sibling_on_disk(path: Path, relative: str) -> ExportFile | None:
    """Find a file on disk, even outside the opened tree: a file may be opened alone."""
    target = path.parent
    for part in PurePosixPath(relative).parts:
        exact = target / part
        if part != ".." and not exact.exists():
            exact = next(
                (entry for entry in sorted(target.glob("*")) if entry.name.casefold() == part.casefold()), exact
            )
        target = exact
    return _on_disk(target, target.name) if target.is_file() else None


def _zip(path: Path) -> list[ExportFile]:
    members = [(name, opener) for name, opener in zips.members(path) if not any(map(_hidden, name.split("/")))]
    by_name = {posixpath.normpath(name).casefold(): (name, opener) for name, opener in members}
    return [_in_zip(path, by_name, *member) for member in sorted(members, key=lambda member: member[0])]


def _in_zip(path: Path, by_name: dict[str, _Member], name: str, opener: _Opener) -> ExportFile:
    def sibling(relative: str) -> ExportFile | None:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), relative)).casefold()
        return _in_zip(path, by_name, *by_name[target]) if target in by_name else None

    label = printable_path(f"{path}/{name}")
    return ExportFile(label, name, partial(open_guarded, label, opener), sibling)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
