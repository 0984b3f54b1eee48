"""The filters do what their papers say, in llama.cpp's order, and the seed alone decides."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from model.config import SamplingParams
from model.sampling import SHORTLIST, SamplingArrays, min_p, penalize, sample, top_k, top_p

PROBS = jnp.array([0.5, 0.25, 0.15, 0.07, 0.03])
LOGITS = jnp.log(PROBS)
OFF: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
drawn_at_once = jax.jit(sample)


def kept(logits: jax.Array) -> list[int]:
    return [int(token) for token in np.flatnonzero(np.isfinite(np.asarray(logits)))]


def draws(seeds: range, logits: jax.Array = LOGITS, **changes: float) -> list[int]:
    """A token for each seed, all in one batch of rows with the same settings."""
    params = SamplingParams(**{**OFF, **changes}).model_dump()
    settings = SamplingArrays(*(jnp.full(len(seeds), params[name]) for name in SamplingArrays._fields))
    rows = jnp.broadcast_to(logits, (len(seeds), len(logits)))
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds.start, seeds.stop))
    return [int(token) for token in drawn_at_once(rows, keys, jnp.zeros(rows.shape, bool), settings)]


@pytest.mark.parametrize(("k", "expected"), [(0, 5), (1, 1), (3, 3), (5, 5), (99, 5)])
def test_top_k(k: int, expected: int) -> None:
    assert kept(top_k(LOGITS, jnp.asarray(k))) == list(range(expected))


def test_top_k_keeps_what_equals_the_smallest() -> None:
    assert kept(top_k(jnp.array([2.0, 1.0, 1.0, 1.0, 0.0]), jnp.asarray(2))) == [0, 1, 2, 3]


@pytest.mark.parametrize(("p", "expected"), [(0.01, 1), (0.5, 1), (0.51, 2), (0.76, 3), (0.95, 4), (1.0, 5)])
def test_top_p_keeps_the_fewest_that_hold_p(p: float, expected: int) -> None:
    assert kept(top_p(LOGITS, jnp.asarray(p))) == list(range(expected))


@pytest.mark.parametrize(("p", "expected"), [(0.0, 5), (0.1, 4), (0.29, 3), (0.31, 2), (1.0, 1)])
def test_min_p_is_relative_to_the_likeliest(p: float, expected: int) -> None:
    assert kept(min_p(LOGITS, jnp.asarray(p))) == list(range(expected))


@pytest.mark.parametrize("changes", [{"top_p": 0.76}, {"min_p": 0.29}, {"top_k": 3}])
def test_what_is_kept_does_not_depend_on_position(changes: dict[str, float]) -> None:
    turned = LOGITS[jnp.array([3, 0, 4, 1, 2])]
    assert set(draws(range(300), turned, **changes)) == {1, 3, 4}


def test_penalty_makes_seen_tokens_less_likely_whatever_their_sign() -> None:
    logits = jnp.array([2.0, -2.0, 1.0])
    seen = jnp.array([True, True, False])
    np.testing.assert_allclose(penalize(logits, seen, jnp.asarray(2.0)), [1.0, -4.0, 1.0])


def test_temperature_zero_is_greedy_and_one_follows_the_distribution() -> None:
    for changes in ({}, {"top_k": 3}):  # as the tokens stand, and in order
        assert set(draws(range(20), LOGITS[::-1], temperature=0.0, **changes)) == {4}
    counts = np.bincount(draws(range(2000)), minlength=5) / 2000
    np.testing.assert_allclose(counts, PROBS, atol=0.04)


def test_the_defaults_sharpen_nothing() -> None:
    counts = np.bincount(draws(range(2000), **SamplingParams().model_dump(include=set(OFF))), minlength=5) / 2000
    np.testing.assert_allclose(counts, PROBS, atol=0.04)


def test_a_low_temperature_sharpens() -> None:
    sharp = np.mean([token == 0 for token in draws(range(300), temperature=0.3)])
    flat = np.mean([token == 0 for token in draws(range(300), temperature=2.0)])
    assert sharp > 0.85
    assert flat < 0.45


def test_the_same_seed_draws_the_same() -> None:
    assert len({draws(range(7, 8))[0] for _ in range(3)}) == 1


@pytest.mark.parametrize("changes", [{}, {"top_k": 100}, {"top_p": 0.9}, {"min_p": 0.2}, {"top_k": 30}, {"top_k": 63}])
def test_the_shortlist_changes_nothing(changes: dict[str, float]) -> None:
    """Of many tokens, those drawn are those that the filters keep, as often as they should be."""
    size, count = 3 * SHORTLIST, 20_000
    logits = jax.random.permutation(jax.random.key(1), -0.05 * jnp.arange(float(size)))
    order = np.argsort(-np.asarray(logits))
    expected = np.zeros(size)
    inside = logits[order]
    for filtered, name in ((top_k, "top_k"), (top_p, "top_p"), (min_p, "min_p")):
        inside = filtered(inside, jnp.asarray(changes.get(name, OFF[name])))
    expected[order] = jax.nn.softmax(inside)
    counts = np.bincount(draws(range(count), logits, **changes), minlength=size) / count
    assert (counts[expected == 0] == 0).all()
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(0.05 / count))


def test_ties_at_the_end_of_the_shortlist_are_all_kept() -> None:
    level = jnp.zeros(2 * SHORTLIST)
    assert len(set(draws(range(3000), level, top_k=SHORTLIST // 2))) == 2 * SHORTLIST


def test_a_row_is_drawn_the_same_among_rows_that_need_all_tokens() -> None:
    logits = jax.random.normal(jax.random.key(2), (16, 3 * SHORTLIST))
    keys, seen = jax.random.split(jax.random.key(3), 16), jnp.zeros(logits.shape, bool)

    def drawn(top_k: np.ndarray, top_p: np.ndarray) -> np.ndarray:
        steady = {name: jnp.full(16, OFF[name]) for name in SamplingArrays._fields}
        changed = {"top_k": jnp.asarray(top_k, jnp.int32), "top_p": jnp.asarray(top_p, jnp.float32)}
        return np.asarray(drawn_at_once(logits, keys, seen, SamplingArrays(**{**steady, **changed})))

    # A third each is drawn from the shortlist, as the tokens stand, and among all of them sorted.
    kinds, kind = np.array([(40, 1.0), (0, 1.0), (0, 0.99)]), np.arange(16) % 3
    mixed = drawn(*kinds[kind].T)
    for number, alike in enumerate(kinds):
        same = drawn(np.full(16, alike[0]), np.full(16, alike[1]))
        np.testing.assert_array_equal(mixed[kind == number], same[kind == number])


def test_broken_logits_still_draw_a_token() -> None:
    for wrong in (jnp.nan, -jnp.inf, jnp.inf):
        assert draws(range(3), jnp.full(5, wrong)) == [0, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 2.1}, {"temperature": -0.1}, {"temperature": float("nan")}, {"top_p": 0.0}, {"top_k": -1},
     {"min_p": 1.5}, {"repetition_penalty": 0.5}, {"max_tokens": 0}, {"heat": 1.0}],
    ids=str,
)  # fmt: skip
def test_out_of_range_is_refused_not_clamped(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SamplingParams(**wrong)
