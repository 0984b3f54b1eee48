"""How long the event loop keeps others waiting: a task that wants to wake a hundred times a second, and sees how late it is.

A stall is seen at most one PERIOD shorter than it was. Knows nothing of who made it.
"""

import asyncio
import time
from collections.abc import Callable

PERIOD_SECONDS = 0.01
"""Seconds between two looks."""


class LoopLagMonitor:
    """`longest` is the longest stall in seconds since `take` was last called."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.longest = 0.0
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            begun = self._clock()
            await asyncio.sleep(PERIOD_SECONDS)
            self.longest = max(self.longest, self._clock() - begun - PERIOD_SECONDS)

    def take_longest(self) -> float:
        """The longest stall, and begin anew."""
        longest, self.longest = self.longest, 0.0
        return longest
