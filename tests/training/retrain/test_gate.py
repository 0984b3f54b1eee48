"""The gate: every condition by itself, on both sides of its limit, and with its figures in the reason."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from training.config.tables import RetrainConfig
from training.retrain.gate import GateFigures, Variety, is_more, objections, objections_to_first

INCUMBENT = GateFigures(
    bpb=2.0, old_bpb=1.9, new_bpb=2.2, longest_copy=12, copied=0.02, words=0.5, pairs=0.8, replies=0.95, commonest=0.04,
    near_copies=0.01, samples=300, recited=0.02, begun=100,
)  # fmt: skip
LIMITS = RetrainConfig(
    tolerance=0.05, longest_copy=10, copied=0.01, variety=0.9, same=0.03, near_copies=0.06, recited=0.2
)


def refusals(limits: RetrainConfig = LIMITS, **figures: Any) -> list[str]:
    return objections(replace(INCUMBENT, **figures), INCUMBENT, limits)


def test_as_good_as_the_incumbent_is_good_enough() -> None:
    assert refusals() == []


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"bpb": 2.11}, ["held-out posts worse", "2.110", "2.000", "2.100", "retrain.tolerance"]),
        ({"old_bpb": 2.0}, ["that the incumbent held out worse", "2.000", "1.900", "1.995", "retrain.tolerance"]),
        ({"longest_copy": 13}, ["13 words", "12", "retrain.longest_copy"]),
        ({"copied": 0.03}, ["3.0%", "2.0%", "retrain.copied"]),
        ({"words": 0.44}, ["its words", "44.0%", "50.0%", "45.0%", "retrain.variety"]),
        ({"pairs": 0.7}, ["word pairs", "70.0%", "80.0%", "72.0%", "retrain.variety"]),
        ({"replies": 0.85}, ["answers", "85.0%", "95.0%", "85.5%", "retrain.variety"]),
        ({"commonest": 0.05}, ["one answer is 5.0%", "4.0%", "retrain.same"]),
        ({"near_copies": 0.07}, ["7.0% nearly repeat", "1.0%", "6.0%", "retrain.near_copies"]),
        ({"recited": 0.21}, ["recites 21.0%", "2.0%", "20.0%", "retrain.recited"]),
        ({"near_copies": 0.05}, ["5.0% nearly repeat", "1.0%", "beyond chance on 300"]),  # 15 and 3: 0.003
        ({"recited": 0.12}, ["recites 12.0%", "2.0%", "beyond chance on 100"]),  # 12 and 2: 0.005
        ({"bpb": math.nan}, ["held-out posts worse", "nan", "2.000"]),
        ({"bpb": math.inf}, ["held-out posts worse", "inf", "2.000"]),
    ],
)
def test_each_condition_refuses_by_itself_and_says_its_figures(figures: dict[str, Any], words: list[str]) -> None:
    (reason,) = refusals(**figures)
    for word in words:
        assert word in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    "figures",
    [
        {"bpb": 2.09},
        {"old_bpb": 1.99},
        {"new_bpb": 9.0, "bpb": 2.05},  # what came since counts in all, not by itself
        {"longest_copy": 12},
        {"copied": 0.02},
        {"words": 0.46},
        {"pairs": 0.73},
        {"replies": 0.86},
        {"commonest": 0.04},
        {"old_bpb": None},
        {"near_copies": 0.03},  # 9 and 3: 0.07
        {"recited": 0.08},  # 8 and 2: 0.05
        {"recited": None},
    ],
)
def test_within_its_limit_each_condition_passes(figures: dict[str, Any]) -> None:
    assert refusals(**figures) == []


def test_copying_is_measured_by_the_limit_where_the_incumbent_copies_less() -> None:
    limits = LIMITS.model_copy(update={"longest_copy": 20, "copied": 0.1, "same": 0.2})
    assert refusals(limits, longest_copy=20, copied=0.1, commonest=0.2) == []
    assert len(refusals(limits, longest_copy=21, copied=0.11, commonest=0.21)) == 3


def test_what_is_as_varied_as_real_posts_is_not_bland_beside_noise() -> None:
    noise, real = replace(INCUMBENT, words=0.9, pairs=1.0, replies=1.0), Variety(0.4, 0.7, 0.9)
    good = replace(INCUMBENT, words=0.37, pairs=0.64, replies=0.82)
    assert len(objections(good, noise, LIMITS)) == 3
    assert objections(good, noise, LIMITS, real) == []
    (reason,) = objections(replace(good, words=0.35), noise, LIMITS, real)
    for word in ("its words", "35.0%", "90.0%", "real posts 40.0%", "36.0%", "retrain.variety"):
        assert word in reason


def test_a_bland_incumbent_is_still_what_a_candidate_need_not_exceed() -> None:
    assert objections(INCUMBENT, INCUMBENT, LIMITS, Variety(0.9, 0.9, 1.0)) == []


def test_who_repeats_themselves_may_be_repeated() -> None:
    """Of a person's real posts, too, some nearly repeat another: a voice that does so as often recites nothing."""
    repeating = replace(INCUMBENT, near_copies=0.3)
    assert len(objections(repeating, INCUMBENT, LIMITS)) == 1
    assert objections(repeating, INCUMBENT, LIMITS, repeated=0.3) == []
    (reason,) = objections(replace(repeating, near_copies=0.32), INCUMBENT, LIMITS, repeated=0.3)
    assert "at most 30.0% is allowed" in reason
    assert objections_to_first(repeating, unigram=9.0, limits=LIMITS, repeated=0.3) == []


def test_more_than_is_allowed_is_refused_although_the_incumbent_recites_as_much() -> None:
    """Or a voice that recites would serve for good, as each candidate may do what the one before did."""
    bad = replace(INCUMBENT, near_copies=0.1, recited=0.3)
    near, recited = objections(bad, bad, LIMITS)
    assert "at most 6.0% is allowed (retrain.near_copies)" in near
    assert "at most 20.0% is allowed (retrain.recited)" in recited
    assert objections_to_first(bad, unigram=9.0, limits=LIMITS) == [
        "it recites: of its answers, 10.0% nearly repeat a post, and at most 6.0% is allowed (retrain.near_copies)",
        "it recites: of learned posts that were begun, it recites 30.0%, and at most 20.0% is allowed (retrain.recited)",
    ]


@pytest.mark.parametrize(
    ("one", "other", "count", "is_beyond"),
    [(7, 0, 300, True), (6, 0, 300, False), (0, 0, 300, False), (100, 100, 100, False), (100, 0, 100, True)],
)
def test_beyond_chance_is_once_in_a_hundred(one: int, other: int, count: int, *, is_beyond: bool) -> None:
    assert is_more(one, other, count) is is_beyond


def test_nonsense_that_is_well_known_does_not_hide_a_voice_that_is_lost() -> None:
    """10,000 new lines of one word: everything together is known far better, and the voice far worse."""
    reasons = refusals(bpb=0.4, old_bpb=2.4, new_bpb=0.01, words=0.05, pairs=0.9, replies=0.1)
    assert len(reasons) == 3
    assert "that the incumbent held out worse" in reasons[0]


def test_the_first_checkpoint_must_know_more_than_the_alphabet() -> None:
    assert objections_to_first(INCUMBENT, unigram=2.01, limits=LIMITS) == []
    for bpb in (2.0, 2.5, math.nan):
        (reason,) = objections_to_first(replace(INCUMBENT, bpb=bpb), unigram=2.0, limits=LIMITS)
        assert f"{bpb:.3f}" in reason
        assert "2.000" in reason


def test_figures_can_be_recorded_whatever_they_are() -> None:
    figures = replace(INCUMBENT, bpb=math.nan, old_bpb=None, new_bpb=math.inf).as_json()
    assert json.loads(json.dumps(figures, allow_nan=False))["longest_copy"] == 12
    assert (figures["bpb"], figures["old_bpb"], figures["new_bpb"]) == (None, None, None)
