"""The running `dann serve`s of a data folder: another command asks them to look again, and waits until they have.

    <data>/servers/LOCK            held while one registers, or another asks
    <data>/servers/REQUESTED       how many times they were asked
    <data>/servers/<name>.lock     held by a serve for as long as it lives, however it ends
    <data>/servers/<name>.answered the last number that it has answered

What they look at is in files and in the store, before they are asked; bot/serving/withdrawals.py does.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from model.checkpoints.atomic_files import private_folder, replace_file
from model.checkpoints.file_lock import LockHeldError, hold_lock
from model.errors import DannError

FOLDER = "servers"
LOCK, REQUESTED = "LOCK", "REQUESTED"
LOCK_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""How long a server may take: it ends replies at once, and polls a few times a second."""
POLL_SECONDS = 0.05


class Server:
    """A registered server: the process that runs this."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def requested(self) -> int:
        """Return how many times the servers were asked."""
        return _number(self._folder / REQUESTED)

    def answer(self, number: int) -> None:
        """Say that all is done that was asked up to this number. Raises DannError where it cannot be written."""
        replace_file(self._folder / f"{self._name}.answered", f"{number}\n".encode())


@contextmanager
def registered(data: Path) -> Iterator[Server]:
    """Be one of a data folder's servers, which has answered what was asked before. Raises DannError for a full disk."""
    folder, name = data / FOLDER, f"{os.getpid()}-{secrets.token_hex(4)}"
    with hold_lock(folder / LOCK, LOCK_SECONDS):
        _remove_dead(folder)
        living = hold_lock(folder / f"{name}.lock")
        living.__enter__()
    server = Server(folder, name)
    try:
        server.answer(server.requested())
        yield server
    finally:
        with suppress(OSError):
            (folder / f"{name}.answered").unlink(missing_ok=True)
            (folder / f"{name}.lock").unlink(missing_ok=True)
        living.__exit__(None, None, None)


def ask_servers(data: Path, seconds: float = ANSWER_SECONDS, sleep: Callable[[float], None] = time.sleep) -> int:
    """Ask every running server to look again, and wait until each has; return how many there are.

    Raises DannError for one that does not answer in time.
    """
    folder = data / FOLDER
    if not folder.is_dir():
        return 0
    with hold_lock(folder / LOCK, LOCK_SECONDS):
        number = _number(folder / REQUESTED) + 1
        replace_file(folder / REQUESTED, f"{number}\n".encode())
        waiting = living = [path for path in folder.glob("*.lock") if _lives(path)]
    deadline = time.monotonic() + seconds
    while waiting := [path for path in waiting if _number(path.with_suffix(".answered")) < number and _lives(path)]:
        if time.monotonic() > deadline:
            process = waiting[0].name.partition("-")[0]
            raise DannError(
                f"{folder}: a running `dann serve` (process {process}) has not answered for {seconds:.0f} seconds, so it may "
                "still answer people as before; stop it, and run this again"
            )
        sleep(POLL_SECONDS)
    return len(living)


def _lives(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with hold_lock(lock):
            return False
    except LockHeldError:
        return True


def _remove_dead(folder: Path) -> None:
    private_folder(folder)
    for lock in folder.glob("*.lock"):
        if not _lives(lock):
            lock.unlink(missing_ok=True)
            lock.with_suffix(".answered").unlink(missing_ok=True)


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
