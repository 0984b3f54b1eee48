"""Event loop lag: how much longer than 10 ms a sleep of 10 ms takes, at its worst. Knows nothing of its cause."""

import asyncio
import time
from collections.abc import Callable

PERIOD_SECONDS = 0.01
"""Seconds of one sleep."""


class LoopLagMonitor:
    """Measures the longest stall since `take_longest` was last called, in seconds, at most a period too short."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.longest = 0.0
        self._clock = clock

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            start = self._clock()
            await asyncio.sleep(PERIOD_SECONDS)
            self.longest = max(self.longest, self._clock() - start - PERIOD_SECONDS)

    def take_longest(self) -> float:
        """Return the longest stall and reset it to 0."""
        longest, self.longest = self.longest, 0.0
        return longest
