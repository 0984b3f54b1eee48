"""How often each client may ask: a token bucket each. Knows no HTTP."""

import time
from collections import OrderedDict
from collections.abc import Callable

PLACES = 10_000
"""Clients that are remembered; who has not asked for longest is forgotten, and begins anew with a full bucket."""


class TokenBuckets:
    """`burst` requests at once, and `per_minute` in the long run, for every client. Belongs to the event loop."""

    def __init__(
        self, per_minute: float, burst: int, places: int = PLACES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._places = places
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token; returns 0, or after how many seconds there will be one (then none is taken)."""
        now = self._clock()
        left, since = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > self._places:
            self._left.popitem(last=False)
        return wait

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._left)
