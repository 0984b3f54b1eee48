"""A question at the terminal."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from training.cli.question import ask


@contextmanager
def terminal(typed: bytes = b"") -> Iterator[int]:
    """Yield the other end of a terminal that is standard input and error, on which something is typed already."""
    here, there = os.openpty()
    os.write(here, typed)
    with (
        os.fdopen(there) as stdin,
        os.fdopen(os.dup(there), "w") as stderr,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setattr(sys, "stdin", stdin)
        patched.setattr(sys, "stderr", stderr)
        yield here
    os.close(here)


def read_question(here: int) -> str:
    """Read what is shown until the question stands there."""
    shown = b""
    while b"] " not in shown:  # what was typed is echoed before or after it
        shown += os.read(here, 1 << 10)
    return shown.decode()


@pytest.mark.parametrize("default", [False, True])
@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("no\n", False), ("what\n", False), ("\4", False)]
)
def test_the_answer_is_what_was_typed(*, default: bool, typed: str, answer: bool) -> None:
    with terminal(typed.encode()):
        assert ask("is it?", default=default) == answer


@pytest.mark.parametrize("default", [False, True])
def test_an_empty_line_is_the_default(*, default: bool) -> None:
    with terminal(b"\n") as here:
        assert ask("is it?", default=default) == default
        assert ("is it? [Y/n] " if default else "is it? [y/N] ") in read_question(here)


def test_a_control_c_that_no_read_notices_ends_the_question() -> None:
    """As one does that comes just before the read: another thread gets the signal here, so that no read is interrupted."""
    ended, typed = threading.Event(), threading.Event()

    def interrupt(here: int) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        read_question(here)
        time.sleep(0.2)  # for the wait to begin: before it, Python raises what comes at once
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not ended.wait(60):  # a question that noticed nothing ends with a line, and the test fails
            typed.set()
            os.write(here, b"\n")

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with terminal() as here:
            thread = threading.Thread(target=interrupt, args=(here,))
            thread.start()
            with pytest.raises(KeyboardInterrupt):
                ask("is it?", default=True)
            ended.set()
            thread.join()
        assert not typed.is_set()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
