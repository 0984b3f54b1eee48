"""The lock of a data folder under which one training runs at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.checkpoints.file_lock import LockHeldError, hold_lock
from model.errors import DannError


@contextmanager
def training_lock(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; raises DannError naming the process that trains already."""
    try:
        with hold_lock(path):
            yield
    except LockHeldError as error:
        raise DannError(
            f"{path}: a training is already running here ({error.holder}); wait for it or stop it"
        ) from error
