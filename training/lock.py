"""One of a kind at a time in a data folder: locks that the system lets go of however their process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import DannError


class HeldError(DannError):
    """Another process holds a lock; `holder` says which, as far as it is known."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path}: held by {holder}")
        self.holder = holder


@contextmanager
def only_training(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; raises DannError telling of the process that already does."""
    try:
        with hold_lock(path):
            yield
    except HeldError as error:
        raise DannError(
            f"{path}: a training is already running here ({error.holder}); wait for it or stop it"
        ) from error


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, whatever it stands for; raises HeldError where another process does."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise HeldError(path, file.read().strip() or "another process") from error
        file.truncate(0)
        file.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield
