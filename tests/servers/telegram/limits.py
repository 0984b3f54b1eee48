"""A bot's rate limits from Telegram's FAQ: 30 messages per second, 20 per minute in a group."""

import math
import time
from collections import defaultdict
from dataclasses import dataclass, field

from tests.servers.telegram.errors import too_many


@dataclass
class Bucket:
    """A leaky bucket of `size` that drains in `seconds`."""

    size: int
    seconds: float
    level: float = 0.0
    last: float = field(default_factory=time.monotonic)

    def wait(self) -> float:
        """Return the seconds until one more message fits."""
        now = time.monotonic()
        self.level = max(0.0, self.level - (now - self.last) * self.size / self.seconds)
        self.last = now
        return max(0.0, (self.level + 1 - self.size) * self.seconds / self.size)


class Limits:
    """One bot's limits; one message more than documented passes, as clocks are inexact."""

    def __init__(self) -> None:
        self._overall = Bucket(31, 1.0)
        self._groups: dict[int, Bucket] = defaultdict(lambda: Bucket(21, 60.0))

    def spend(self, chat: int) -> None:
        """Count one message to `chat`. Raises a 429 with the seconds to wait if it exceeds a limit."""
        buckets = [self._overall, *([self._groups[chat]] if chat < 0 else [])]
        wait = max(bucket.wait() for bucket in buckets)
        if wait > 0:
            raise too_many(max(1, math.ceil(wait)))
        for bucket in buckets:
            bucket.level += 1
