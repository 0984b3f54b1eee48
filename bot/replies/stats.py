"""What became of mentions, and how long answers took: counts since the start, by platform. Knows no form to tell them in."""

from bisect import bisect_left
from collections import Counter
from enum import StrEnum

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds: an answer is counted under the least of them that it took no longer than, or beyond the last."""


class Outcome(StrEnum):
    """What became of a mention. Each mention has one; REMARKED is what dann said unasked."""

    ANSWERED = "answered"
    COOLDOWN = "cooldown"  # asked again too soon
    BUSY = "busy"  # the queue was full
    PAUSED = "paused"
    FAILED = "failed"
    DROPPED = "dropped"  # deleted meanwhile, nobody waited any more, or stopping took too long
    IGNORED = "ignored"  # not for dann to answer, or an event that came twice
    REMARKED = "remarked"


class LatencyHistogram:
    """How many answers took how long: `counts` by BOUNDS, those beyond the last at the end; `total` seconds in all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one that took so long."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class ReplyStats:
    """The counts. The responder adds to them; `/dann-admin status` and the metrics read them. All on the event loop."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, Outcome]] = Counter()
        self.latencies: dict[str, LatencyHistogram] = {}

    def count(self, platform: str, outcome: Outcome, seconds: float) -> None:
        """Count one mention that was settled after `seconds`. Only answers have a latency: a refusal is there at once."""
        self.outcomes[platform, outcome] += 1
        if outcome is Outcome.ANSWERED:
            self.latencies.setdefault(platform, LatencyHistogram()).add(seconds)

    @property
    def answered(self) -> int:
        """How often dann has said something, asked or not."""
        return sum(n for (_, outcome), n in self.outcomes.items() if outcome in {Outcome.ANSWERED, Outcome.REMARKED})
