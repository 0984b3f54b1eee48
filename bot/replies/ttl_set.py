"""What happened lately, by key: who was answered, who was told to wait, which events were seen. Bounded."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MAX_KEYS = 50_000


class TTLSet:
    """Keys marked within the last `seconds`; beyond MOST_KEYS the oldest are forgotten sooner."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._times: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered, also those whose time is over and that are not yet forgotten."""
        return len(self._times)

    def remaining(self, key: Hashable) -> float:
        """Seconds until `key` is forgotten; 0 if it is not known."""
        return max(0.0, self._times.get(key, float("-inf")) + self._seconds - self._clock())

    def mark(self, key: Hashable) -> None:
        """Remember `key` from now on."""
        now = self._clock()
        self._times[key] = now
        self._times.move_to_end(key)
        while len(self._times) > MAX_KEYS or next(iter(self._times.values())) + self._seconds < now:
            self._times.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """As if it had not been marked."""
        self._times.pop(key, None)
