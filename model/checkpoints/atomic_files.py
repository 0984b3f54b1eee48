"""Write files and folders atomically: beside their place first, flushed to the disk, then renamed."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from model.errors import DannError

ASIDE = ".aside-"
"""Prefix of what is being written; a file that still has it after a crash is incomplete and of no use."""


def private_folder(path: Path) -> None:
    """Create a folder, and those above it that are missing, for their owner alone; leave those that are there."""
    if path.is_dir():
        return
    private_folder(path.parent)
    path.mkdir(exist_ok=True, mode=0o700)


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `content` to `path` in one step: readers see the old file or the new one, never a part of either.

    `mode` holds from the first byte, within the umask.
    """
    aside = path.with_name(f"{ASIDE}{path.name}")
    with explain_disk_errors(path):
        aside.unlink(missing_ok=True)  # left by a kill, maybe with another mode
        try:
            with open(aside, "wb", opener=partial(os.open, mode=mode)) as file:
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
    """Yield a folder to fill, which appears at `path`, complete and on the disk, if the block succeeds."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    with explain_disk_errors(path):
        shutil.rmtree(aside, ignore_errors=True)
        try:
            private_folder(path.parent)
            aside.mkdir(mode=0o700)
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


def remove_folder(path: Path) -> None:
    """Rename a folder out of sight, then remove it: a kill in between leaves no half of it at `path`."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        path.rename(aside)
        flush_folder(path.parent)
    except OSError as error:
        raise DannError(f"{path}: could not be removed ({error.strerror}); nothing else changed") from error
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left incomplete in `folder`. Only while no other process writes there."""
    for path in folder.glob(f"{ASIDE}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while writing `path` into a DannError that says what to do."""
    try:
        yield
    except OSError as error:
        what = f"could not be written ({error.strerror})"
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            what = "no room left to save it; free some space and try again"
        raise DannError(f"{path}: {what}; nothing else changed") from error
