"""Files and folders that are either there whole or not there: written aside, flushed to the disk, then renamed.

And a lock, for what must not happen twice at once.
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import DannError

ASIDE = ".aside-"
"""Prefix of what is being written; whatever still carries it after a crash is rubbish."""
WAIT_SECONDS = 10.0
"""How long to wait for another process that holds a lock: what is done under one takes less than a second."""


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: readers see the old file or the new one, never a part of either."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    with explain_disk_errors(path):
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
    with explain_disk_errors(path):
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


def remove_folder(path: Path) -> None:
    """Take a folder out of sight at once and then remove it: a kill in the middle leaves rubbish, nothing half there."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        path.rename(aside)
        flush_folder(path.parent)
    except OSError as error:
        raise DannError(f"{path}: could not be removed ({error.strerror}); nothing else changed") from error
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, which the system lets go of however the process ends.

    Raises DannError where another process holds it for longer than WAIT_SECONDS.
    """
    until = time.monotonic() + WAIT_SECONDS
    with explain_disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _locked(descriptor):
            if time.monotonic() > until:
                raise DannError(f"{path}: another dann holds it for {WAIT_SECONDS:.0f} s; try again when that is done")
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_leftovers(folder: Path) -> None:
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
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into one line that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DannError(
                f"{path}: no room left to save it; free some space and try again; nothing else changed"
            ) from error
        raise DannError(f"{path}: could not be written ({error.strerror}); nothing else changed") from error
