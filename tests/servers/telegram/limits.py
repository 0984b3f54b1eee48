"""How much a bot may send: 30 messages a second in all and 20 a minute in a group, as Telegram's FAQ has it."""

import math
import time
from collections import defaultdict
from dataclasses import dataclass, field

from tests.servers.telegram.errors import too_many


@dataclass
class Bucket:
    """A leaky bucket: `size` at once, and as many again in every `seconds`."""

    size: int
    seconds: float
    level: float = 0.0
    last: float = field(default_factory=time.monotonic)

    def wait(self) -> float:
        """Seconds until one more fits."""
        now = time.monotonic()
        self.level = max(0.0, self.level - (now - self.last) * self.size / self.seconds)
        self.last = now
        return max(0.0, (self.level + 1 - self.size) * self.seconds / self.size)


class Limits:
    """One bot's limits. One more than the documented number is let through, as clocks and networks are not exact."""

    def __init__(self) -> None:
        self._overall = Bucket(31, 1.0)
        self._groups: dict[int, Bucket] = defaultdict(lambda: Bucket(21, 60.0))

    def spend(self, chat: int) -> None:
        """Count one message to `chat`; raises 429 with what there is to wait where it is one too many."""
        buckets = [self._overall, *([self._groups[chat]] if chat < 0 else [])]
        wait = max(bucket.wait() for bucket in buckets)
        if wait > 0:
            raise too_many(max(1, math.ceil(wait)))
        for bucket in buckets:
            bucket.level += 1
