"""Memory tuning for serving: freeze objects for the garbage collector, trim the heap.

Code, weights and compiled programs live to the end of the process, some 250,000 objects; each full collection would visit
them all, and the event loop would stall meanwhile. Compiling leaves free heap behind, a fifth of the process.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SWITCH_SECONDS = 0.0005
"""Python's switch interval: the event loop releases the GIL at each message, and would wait the default 5 ms for it."""
M_ARENA_MAX = -8
"""From glibc's malloc.h."""


@contextmanager
def without_collecting() -> Iterator[None]:
    """Switch garbage collection off in the block, and freeze what it leaves."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def trim_heap() -> None:
    """Return the C library's free memory to the system; slow, so not on the event loop."""
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def share_arenas() -> None:
    """Limit malloc to two arenas and let threads switch sooner; call it before any starts."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
