"""Lock files that one process holds at a time and the system releases however that process ends.

The lock is flock(2) on the file itself, by way of filelock: an earlier dann on the same folder takes part in it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from model.checkpoints.atomic_files import explain_disk_errors, private_folder
from model.errors import DannError

POLL_SECONDS = 0.01


class LockHeldError(DannError):
    """Another process holds a lock; `holder` is that process and since when, as far as it is known."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path}: another dann holds it ({holder}); try again when that is done")
        self.holder = holder


@contextmanager
def hold_lock(path: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file at `path`; raises LockHeldError if another process has it for longer than `wait_seconds`."""
    with explain_disk_errors(path):
        private_folder(path.parent)
        # Without flock nobody could release the lock of a killed process, so an existence lock is no substitute.
        lock = FileLock(path, mode=0o600, thread_local=False, poll_interval=POLL_SECONDS, fallback_to_soft=False)
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            holder = ""
            with suppress(OSError):
                holder = path.read_text(encoding="utf-8", errors="replace").strip()
            raise LockHeldError(path, holder or "another process") from error
    try:
        with suppress(OSError):  # a full disk must not keep anybody from removing checkpoints
            path.write_text(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}", encoding="utf-8")
        yield
    finally:
        lock.release()
