"""A question at the terminal."""

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

YES = frozenset({"y", "yes"})


def ask(question: str, *, default: bool) -> bool:
    """Ask on standard error and read a line of standard input; an empty line is the default, its end is no."""
    hint = "\\[Y/n]" if default else "\\[y/N]"
    with _woken_by_signals() as woken:
        Console(stderr=True).print(f"{question} {hint} ", end="", highlight=False)
        # Python remembers a Ctrl-C that comes just before read() and raises it only after read() has returned, which it
        # does at the next line: so it is not read before there is one.
        while sys.stdin not in select.select([sys.stdin, woken], [], [])[0]:
            os.read(woken, 1 << 10)
    answer = sys.stdin.readline()
    said = answer.strip().lower()
    return said in YES or (default and not said and bool(answer))


@contextmanager
def _woken_by_signals() -> Iterator[int]:
    """Yield a descriptor that a signal makes readable."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        yield woken
    finally:
        signal.set_wakeup_fd(before)
        os.close(wake)
        os.close(woken)
