"""Discord's rate limits: per window for each route and channel, and per second in all."""

import hashlib
import time
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Limit:
    """A limit of `requests` in each window of `seconds`."""

    requests: int
    seconds: float


@dataclass(slots=True)
class Bucket:
    """One route in one channel: the end of its window, and the requests left in it."""

    limit: Limit
    left: int = 0
    ends: float = 0.0

    def take(self, now: float) -> bool:
        """Count one request; return False if it exceeds the limit."""
        if now >= self.ends:
            self.left, self.ends = self.limit.requests, now + self.limit.seconds
        self.left -= 1
        return self.left >= 0


@dataclass
class RateLimits:
    """The limits, which tests may change first; `in_all` excludes answers to interactions.

    `broken` counts the requests that exceeded a limit.
    """

    of_route: dict[str, Limit] = field(default_factory=lambda: {"POST /channels/{channel}/messages": Limit(5, 5.0)})
    of_other_routes: Limit = field(default_factory=lambda: Limit(50, 1.0))
    in_all: Limit = field(default_factory=lambda: Limit(50, 1.0))
    broken: int = 0
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)

    def take(self, route: str, major: str, *, counts_in_all: bool) -> tuple[bool, bool, dict[str, str]]:
        """Count one request; return whether it passes, whether the limit is global, the headers."""
        now = time.monotonic()
        if counts_in_all and self._too_many_in_all(now):
            self.broken += 1
            return False, True, refusal_headers(self.in_all.seconds, everywhere=True)
        bucket = self._buckets.setdefault((route, major), Bucket(self.of_route.get(route, self.of_other_routes)))
        passed = bucket.take(now)
        after = max(bucket.ends - now, 0.001)
        headers = {
            "X-RateLimit-Limit": str(bucket.limit.requests),
            "X-RateLimit-Remaining": str(max(bucket.left, 0)),
            "X-RateLimit-Reset": f"{time.time() + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(route.encode()).hexdigest(),
        }
        if passed:
            return True, False, headers
        self.broken += 1
        return False, False, headers | refusal_headers(after, everywhere=False)

    def _too_many_in_all(self, now: float) -> bool:
        while self._recent and now - self._recent[0] >= self.in_all.seconds:
            self._recent.popleft()
        self._recent.append(now)
        return len(self._recent) > self.in_all.requests


def refusal_headers(seconds: float, *, everywhere: bool) -> dict[str, str]:
    """Return the headers of a 429; without `Via`, clients take it for a ban by Discord's proxy."""
    headers = {"Retry-After": str(max(1, round(seconds))), "Via": "1.1 google"}
    scope = (
        {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"} if everywhere else {"X-RateLimit-Scope": "user"}
    )
    return headers | scope
