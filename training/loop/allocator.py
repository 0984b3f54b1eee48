"""How the process asks for memory. Knows no network and no data.

XLA takes a step's memory anew at each dispatch, hundreds of megabytes of it. The C library gives blocks that large back to
the system at once, and each of their pages costs a fault when it is touched again: a fifth of a step of 2 x 512.
"""

import ctypes

TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
"""Names of glibc's mallopt(3) settings, from malloc.h."""
UNLIMITED = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep what is freed for the next dispatch, where the C library is glibc; elsewhere do nothing.

    Blocks are then cut from one heap however large they are, so the process may hold a little more than it uses.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, UNLIMITED), (ARENA_MAX, 1)):
            mallopt(setting, value)
