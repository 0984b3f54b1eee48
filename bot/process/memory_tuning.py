"""What dann holds when it begins to serve, it holds to the end: code, weights, programs. They are put out of the way.

Python's collector would go through them time and again, some 250,000 objects, and the event loop would stand still meanwhile.
And what compiling leaves behind in the C library's heap, a fifth of the process, is nobody else's until it is given back.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SWITCH_SECONDS = 0.0005
M_ARENA_MAX = -8
"""glibc's malloc.h."""


@contextmanager
def without_collecting() -> Iterator[None]:
    """Collect nothing in the block, and never look at what it leaves: loading makes much and drops little."""
    gc.disable()
    try:
        yield
    finally:
        freeze_loaded()
        gc.enable()


def freeze_loaded() -> None:
    """Never look again at what is there now."""
    gc.freeze()


def trim_heap() -> None:
    """Let the system have what the C library holds and nobody uses. Takes a moment: not for the event loop's thread."""
    with suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def share_arenas() -> None:
    """Let threads share what they would rather have each for itself, before there are any.

    Two heaps in all, as every heap has holes. And the interpreter, every half a millisecond: the event loop lets go of it
    at each message it sends, and would wait for 5 ms before the engine's thread must hand it back.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
