"""Questions that were asked and not answered yet, in memory alone: which of the two is real is told once. Knows no HTTP."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 1000
"""When more are open, the oldest counts as given up."""
SECONDS = 3600.0


class OpenQuestions:
    """Which text was real, by an id that tells nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def ask(self, real: int) -> str:
        """Keep one; returns its id."""
        id_ = secrets.token_urlsafe(16)
        self._open[id_] = (self._clock() + SECONDS, real)
        while len(self._open) > MOST:
            self._open.popitem(last=False)
        return id_

    def answer(self, id_: str) -> int | None:
        """Which was real; None where there is no such question, or it was answered or is too old."""
        until, real = self._open.pop(id_, (float("-inf"), 0))
        return real if self._clock() < until else None
