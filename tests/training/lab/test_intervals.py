"""A difference's interval is Student's over pairs or Welch's, and the verdict says no more than it allows."""

import math

import pytest

from training.lab.intervals import Difference, difference, quantile


def test_common_seeds_are_pairs_and_the_interval_is_students() -> None:
    """By hand: the pairs differ by 1, 2, 3, whose deviation is 1; t for two degrees of freedom is 4.3027."""
    apart = difference({0: 10.0, 1: 20.0, 2: 30.0, 7: 5.0}, {0: 11.0, 1: 22.0, 2: 33.0, 9: 0.0})
    assert (apart.mean, apart.n, apart.paired) == (2.0, 3, True)
    assert apart.half == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert str(apart) == "+2.0000, -0.4841 to +4.4841, 3 paired seeds"


def test_without_common_seeds_it_is_welchs() -> None:
    """As R's t.test has it for 1 2 3 4 5 against 2 4 6 8: 0.4069 to -4.4069 around 2, on 4.876 degrees of freedom."""
    apart = difference(dict(enumerate([1.0, 2, 3, 4, 5])), dict(enumerate([2.0, 4, 6, 8], start=10)))
    variance = 2.5 / 5 + (20 / 3) / 4
    degrees = variance**2 / ((2.5 / 5) ** 2 / 4 + ((20 / 3) / 4) ** 2 / 3)
    assert degrees == pytest.approx(4.75, abs=0.2)
    assert (apart.mean, apart.paired) == (2.0, False)
    assert apart.half is not None
    assert 2.57 < apart.half / math.sqrt(variance) < 2.7765  # t for 5 and for 4 degrees
    assert apart.low < 0 < apart.high


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.030, -0.010, "better"),
        (0.001, 0.020, "worse"),
        (-0.004, 0.004, "no difference"),
        (0.001, 0.004, "no difference"),  # there is one, and it does not matter
        (-0.020, 0.030, "needs "),
        (-0.001, 0.006, "needs "),
    ],
)
def test_the_verdict_is_the_intervals(low: float, high: float, verdict: str) -> None:
    half = (high - low) / 2
    apart = Difference((low + high) / 2, half, 5, paired=True, sd=half * math.sqrt(5) / 2.776)
    assert apart.verdict(0.005).startswith(verdict)


def of_seeds(mean: float, sd: float, n: int) -> Difference:
    return Difference(mean, quantile(n - 1) * sd / math.sqrt(n), n, paired=True, sd=sd)


def test_it_says_how_many_seeds_would_do() -> None:
    """With a deviation of 0.01 the interval is +-0.005 from 18 seeds on: t for 17 degrees, 2.1098, times 0.01 / sqrt(18)."""
    assert of_seeds(0.0, 0.01, 5).verdict(0.005) == "needs 13 more seeds"
    assert of_seeds(0.005, 0.01, 5).verdict(0.005) == "needs 13 more seeds"
    assert 2.1098 * 0.01 / math.sqrt(18) < 0.005 < 2.1199 * 0.01 / math.sqrt(17)


@pytest.mark.parametrize(
    ("mean", "sd"), [(0.0025, 0.009), (0.001, 0.01), (0.004, 0.008), (-0.02, 0.02), (0.0152, 0.01)]
)
def test_so_many_more_seeds_are_an_answer_and_one_fewer_is_none(mean: float, sd: float) -> None:
    """Also where the interval is narrower than what matters already, and lies across its end."""
    now = of_seeds(mean, sd, 4)
    more = now.more_seeds(0.005)
    assert now.verdict(0.005) == f"needs {more} more seed{'s' if more > 1 else ''}"
    assert not of_seeds(mean, sd, 4 + more).verdict(0.005).startswith("needs")
    assert more == 1 or of_seeds(mean, sd, 4 + more - 1).verdict(0.005).startswith("needs")
    assert Difference(0.0, 1.0, 5, paired=True, sd=1.0).verdict(1e-6) == "needs over 1000 more seeds"


def test_one_seed_has_no_interval() -> None:
    apart = difference({0: 1.5}, {0: 1.6})
    assert str(apart) == "+0.1000, one seed"
    assert apart.verdict(0.005) == "needs 2 more seeds"
    assert difference({0: 1.5, 1: 1.5}, {0: 1.5, 1: 1.5}).verdict(0.005) == "no difference"
