"""One training at a time in a data folder: a lock the system lets go of however the process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import DannError


@contextmanager
def only_training(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; raises DannError telling of the process that already does."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise DannError(f"{path}: a training is already running here ({holder}); wait for it or stop it") from error
        file.truncate(0)
        file.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield
