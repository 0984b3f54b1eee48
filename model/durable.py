"""Files and folders that are either there whole or not there: written aside, flushed to the disk, then renamed."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import DannError

ASIDE = ".aside-"
"""Prefix of what is being written; whatever still carries it after a crash is rubbish."""


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: readers see the old file or the new one, never a part of either."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    with telling_of_space(path):
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; when the block ends it appears at `path`, complete and on the disk, and otherwise not at all."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    with telling_of_space(path):
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True, mode=0o700)
            yield aside
            for file in aside.iterdir():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
            flush_folder(aside)
            aside.rename(path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        flush_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what a crash left half written in `folder`. Only for the one process that writes there."""
    for rubbish in folder.glob(f"{ASIDE}*"):
        if rubbish.is_dir():
            shutil.rmtree(rubbish, ignore_errors=True)
        else:
            rubbish.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def telling_of_space(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DannError(
                f"{path}: no room left to save it; free some space and try again; nothing else changed"
            ) from error
        raise DannError(f"{path}: could not be written ({error.strerror}); nothing else changed") from error
