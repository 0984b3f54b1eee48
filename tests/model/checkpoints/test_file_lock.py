"""One holder at a time, also beside an earlier dann; whoever waits learns who holds the lock; a kill releases it."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from model.checkpoints.file_lock import LockHeldError, hold_lock
from model.errors import DannError

ROOT = Path(__file__).parents[3]
HEAD = "import fcntl, sys; from pathlib import Path; path = Path(sys.argv[1])\n"
OURS = f"""{HEAD}from model.checkpoints.file_lock import hold_lock
with hold_lock(path):
    print("held", flush=True)
    sys.stdin.read()
"""
EARLIER = f"""{HEAD}
with path.open("a+") as file:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.truncate(0)
    file.write("process 7, since 2026-01-01 00:00:00")
    file.flush()
    print("held", flush=True)
    sys.stdin.read()
"""
"""As dann held its locks before they were filelock's."""


@contextmanager
def holder(code: str, path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("code", [OURS, EARLIER], ids=["ours", "earlier"])
def test_a_lock_that_is_held_is_refused_by_its_holders_name_and_free_after_a_kill(tmp_path: Path, code: str) -> None:
    path = tmp_path / "data" / "train.lock"
    path.parent.mkdir()
    with holder(code, path) as process:
        words = path.read_text()
        for _ in range(2):  # the first refusal must not have emptied the file
            with pytest.raises(LockHeldError) as refused, hold_lock(path):
                pass
            assert refused.value.holder == words
        if code == OURS:
            assert refused.value.holder.startswith(f"process {process.pid}, since 20")
        process.send_signal(signal.SIGKILL)
        process.wait()
        with hold_lock(path):
            assert path.read_text().startswith(f"process {os.getpid()}, since 20")


def test_an_earlier_dann_is_kept_out_and_reads_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "train.lock"
    with hold_lock(path), path.open("a+") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.seek(0)
        assert file.read().startswith(f"process {os.getpid()}, since 20")
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_whoever_waits_has_it_next(tmp_path: Path) -> None:
    path, order = tmp_path / "LOCK", list[str]()

    def wait() -> None:
        with hold_lock(path, wait_seconds=60.0):
            order.append("waited")

    thread = threading.Thread(target=wait)
    with hold_lock(path):
        thread.start()
        with pytest.raises(LockHeldError, match="another dann holds it"), hold_lock(path, wait_seconds=0.05):
            pass
        order.append("released")
    thread.join(60)
    assert order == ["released", "waited"]


def test_a_lock_is_released_after_an_error_and_its_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "LOCK"
    inodes = []
    for _ in range(2):
        with suppress(ZeroDivisionError), hold_lock(path):
            inodes.append(path.stat().st_ino)
            raise ZeroDivisionError
    assert inodes == [path.stat().st_ino] * 2  # an earlier dann may wait for this very file
    assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DannError, match="could not be written"), hold_lock(tmp_path / "file" / "train.lock"):
        pass
