"""A bounded set whose keys expire: cooldowns, notices, seen events."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MAX_KEYS = 50_000


class TTLSet:
    """Keys added within the last `seconds`; beyond MAX_KEYS the oldest go sooner."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._times: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """Number of keys held, expired ones included until they are removed."""
        return len(self._times)

    def remaining(self, key: Hashable) -> float:
        """Seconds until `key` expires; 0 if it is not in the set."""
        return max(0.0, self._times.get(key, float("-inf")) + self._seconds - self._clock())

    def add(self, key: Hashable) -> bool:
        """Add `key` unless it is in the set; return whether it was added."""
        if self.remaining(key):
            return False
        self.mark(key)
        return True

    def mark(self, key: Hashable) -> None:
        """Add `key`, or renew it."""
        now = self._clock()
        self._times[key] = now
        self._times.move_to_end(key)
        while len(self._times) > MAX_KEYS or next(iter(self._times.values())) + self._seconds < now:
            self._times.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Remove `key`."""
        self._times.pop(key, None)
