"""The filters do what their papers say, in llama.cpp's order, and the seed alone decides."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from model.config import SamplingParams
from model.sampling import min_p, penalize, sample, top_k, top_p

PROBS = jnp.array([0.5, 0.25, 0.15, 0.07, 0.03])
LOGITS = jnp.log(PROBS)
OFF: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}


def kept(logits: jax.Array) -> list[int]:
    return np.flatnonzero(np.isfinite(np.asarray(logits))).tolist()


def draw(seed: int, **changes: float) -> int:
    params = {k: jnp.asarray(v) for k, v in SamplingParams(**{**OFF, **changes}).model_dump().items()}
    return int(sample(LOGITS, jax.random.key(seed), jnp.zeros(5, bool), params))


@pytest.mark.parametrize(("k", "expected"), [(0, 5), (1, 1), (3, 3), (5, 5), (99, 5)])
def test_top_k(k: int, expected: int) -> None:
    assert kept(top_k(LOGITS, jnp.asarray(k))) == list(range(expected))


@pytest.mark.parametrize(("p", "expected"), [(0.01, 1), (0.5, 1), (0.51, 2), (0.76, 3), (0.95, 4), (1.0, 5)])
def test_top_p_keeps_the_fewest_that_hold_p(p: float, expected: int) -> None:
    assert kept(top_p(LOGITS, jnp.asarray(p))) == list(range(expected))


@pytest.mark.parametrize(("p", "expected"), [(0.0, 5), (0.1, 4), (0.29, 3), (0.31, 2), (1.0, 1)])
def test_min_p_is_relative_to_the_likeliest(p: float, expected: int) -> None:
    assert kept(min_p(LOGITS, jnp.asarray(p))) == list(range(expected))


def test_filters_order_does_not_depend_on_position() -> None:
    turned = LOGITS[jnp.array([3, 0, 4, 1, 2])]
    assert kept(top_p(turned, jnp.asarray(0.76))) == [1, 3, 4]


def test_penalty_makes_seen_tokens_less_likely_whatever_their_sign() -> None:
    logits = jnp.array([2.0, -2.0, 1.0])
    seen = jnp.array([True, True, False])
    np.testing.assert_allclose(penalize(logits, seen, jnp.asarray(2.0)), [1.0, -4.0, 1.0])


def test_temperature_zero_is_greedy_and_one_follows_the_distribution() -> None:
    assert {draw(seed, temperature=0.0) for seed in range(20)} == {0}
    counts = np.bincount([draw(seed) for seed in range(2000)], minlength=5) / 2000
    np.testing.assert_allclose(counts, PROBS, atol=0.04)


def test_a_low_temperature_sharpens() -> None:
    sharp = np.mean([draw(seed, temperature=0.3) == 0 for seed in range(300)])
    flat = np.mean([draw(seed, temperature=2.0) == 0 for seed in range(300)])
    assert sharp > 0.85
    assert flat < 0.45


def test_the_same_seed_draws_the_same() -> None:
    assert [draw(7) for _ in range(3)] == [draw(7)] * 3


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 2.1}, {"temperature": -0.1}, {"temperature": float("nan")}, {"top_p": 0.0}, {"top_k": -1},
     {"min_p": 1.5}, {"repetition_penalty": 0.5}, {"max_tokens": 0}, {"heat": 1.0}],
    ids=str,
)  # fmt: skip
def test_out_of_range_is_refused_not_clamped(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SamplingParams(**wrong)
