"""Reply counters and latency histograms, per platform, since the start."""

from bisect import bisect_left
from collections import Counter
from enum import StrEnum

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram's buckets, in seconds."""


class Outcome(StrEnum):
    """The outcome of a mention; REMARKED is an unasked message."""

    ANSWERED = "answered"
    COOLDOWN = "cooldown"  # asked again too soon
    BUSY = "busy"  # the queue was full
    PAUSED = "paused"
    FAILED = "failed"
    DROPPED = "dropped"  # message deleted, asker gone, or not done when dann stopped
    IGNORED = "ignored"  # not admitted, or a duplicate event
    REMARKED = "remarked"


class LatencyHistogram:
    """Latency histogram: `counts` by BOUNDS plus one for longer; `total` in seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class ReplyStats:
    """Counts by the responder on the event loop, for `/dann-admin status` and the metrics."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.latencies: dict[str, LatencyHistogram] = {}

    def count(self, platform: str, outcome: Outcome, seconds: float) -> None:
        """Count one outcome after `seconds`. Only answers have a latency: a refusal takes no time."""
        self.outcomes[platform, outcome] += 1
        if outcome is Outcome.ANSWERED:
            self.latencies.setdefault(platform, LatencyHistogram()).add(seconds)

    @property
    def answered(self) -> int:
        """Number of messages dann has sent, asked or not."""
        sent = {Outcome.ANSWERED, Outcome.REMARKED}
        return sum(count for (_, outcome), count in self.outcomes.items() if outcome in sent)
