"""What a difference between two experiments is worth: its confidence interval, and a verdict. Knows no files and no settings.

A difference is `other - reference` of figures of which less is better. Where both have run the same random seeds, each seed
is a pair: both began with the same weights and read the same batches where their shapes agree, and the interval is Student's
over the pairs' differences. Else it is Welch's, which takes the two spreads as they are.
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtrit

CONFIDENCE = 0.95
LEAST_PAIRS = 2
MOST_MORE = 1000
"""Seeds beyond which there is no sense in saying how many."""


@dataclass(frozen=True)
class Difference:
    """A difference with its 95 % interval `mean - half .. mean + half` over `n` seeds; `half` is None where n is 1."""

    mean: float
    half: float | None
    n: int
    paired: bool
    sd: float = 0.0

    @property
    def low(self) -> float:
        """The interval's lower end."""
        return self.mean - (math.inf if self.half is None else self.half)

    @property
    def high(self) -> float:
        """The interval's upper end."""
        return self.mean + (math.inf if self.half is None else self.half)

    def more_seeds(self, matters: float) -> int:
        """How many more seeds would give an answer, if mean and spread stay what they are.

        The interval is then on one side of zero, or within +- `matters`, whichever takes fewer.
        """
        if self.half is None:
            return LEAST_PAIRS + 1 - self.n
        enough = max(abs(self.mean), matters - abs(self.mean))
        for n in range(self.n + 1, self.n + MOST_MORE):
            if quantile(n - 1) * self.sd / math.sqrt(n) < enough:
                return n - self.n
        return MOST_MORE

    def verdict(self, matters: float) -> str:
        """Say "better", "worse", "no difference" (none that matters), or "needs N more seeds"."""
        if self.half is not None and -matters < self.low and self.high < matters:
            return "no difference"
        if self.high < 0:
            return "better"
        if self.low > 0:
            return "worse"
        more = self.more_seeds(matters)
        return f"needs {'over ' if more >= MOST_MORE else ''}{more} more seed{'s' if more > 1 else ''}"

    def __str__(self) -> str:
        if self.half is None:
            return f"{self.mean:+.4f}, one seed"
        kind = "paired" if self.paired else "unpaired"
        return f"{self.mean:+.4f}, {self.low:+.4f} to {self.high:+.4f}, {self.n} {kind} seeds"


def difference(reference: Mapping[int, float], other: Mapping[int, float]) -> Difference:
    """Compare two experiments' figures by seed, each of one seed at least."""
    common = sorted(reference.keys() & other.keys())
    without_spread = min(len(reference), len(other)) < LEAST_PAIRS
    if len(common) >= LEAST_PAIRS or (common and without_spread):
        pairs = [other[seed] - reference[seed] for seed in common]
        if len(pairs) < LEAST_PAIRS:
            return Difference(pairs[0], None, 1, paired=True)
        sd = statistics.stdev(pairs)
        half = quantile(len(pairs) - 1) * sd / math.sqrt(len(pairs))
        return Difference(statistics.fmean(pairs), half, len(pairs), paired=True, sd=sd)
    return _welch([*reference.values()], [*other.values()])


def _welch(reference: list[float], other: list[float]) -> Difference:
    """Welch's interval, with the degrees of freedom of Welch and Satterthwaite."""
    mean, n = statistics.fmean(other) - statistics.fmean(reference), min(len(reference), len(other))
    if n < LEAST_PAIRS:
        return Difference(mean, None, n, paired=False)
    parts = [statistics.variance(values) / len(values) for values in (reference, other)]
    error = math.sqrt(sum(parts))
    if not error:
        return Difference(mean, 0.0, n, paired=False)
    below = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (reference, other), strict=True))
    half = quantile(error**4 / below) * error
    return Difference(mean, half, n, paired=False, sd=error * math.sqrt(n))


def quantile(degrees: float) -> float:
    """Student's t that CONFIDENCE of the distribution lies within, on both sides."""
    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))
