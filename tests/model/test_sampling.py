"""The filters do what their papers say, in llama.cpp's order, and the seed alone decides."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from model.config import SamplingParams
from model.sampling import SHORTLIST, SamplingArrays, min_p, penalize, sample, top_k, top_p

pytestmark = pytest.mark.usefixtures("optimized")
"""Compiling takes less than drawing so many tokens."""

PROBS = np.array([0.5, 0.25, 0.15, 0.07, 0.03], np.float32)
LOGITS = np.log(PROBS)
MANY = 3 * SHORTLIST
"""Tokens of a vocabulary that is longer than the shortlist."""
ROWS = {len(PROBS): 2000, MANY: 20_000}
"""By the number of tokens, how many are drawn at once: always as many, for one program each."""
DTYPES = dict.fromkeys(SamplingArrays._fields, np.float32) | {"top_k": np.int32}
OFF: dict[str, Any] = {
    "temperature": 1.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "word_min_p": 0.0,
    "repetition_penalty": 1.0,
}
TOP_K, TOP_P, MIN_P = jax.jit(top_k), jax.jit(top_p), jax.jit(min_p)


def kept(logits: jax.Array) -> list[int]:
    return [int(token) for token in np.flatnonzero(np.isfinite(np.asarray(logits)))]


@jax.jit
def drawn_at_once(logits: Any, seeds: Any, settings: SamplingArrays) -> jax.Array:
    return sample(logits, jax.vmap(jax.random.key)(seeds), jnp.zeros(logits.shape, bool), settings)


def draws(seeds: range, logits: Any = LOGITS, **changes: float) -> list[int]:
    """A token for each seed, in one batch of rows with the same settings."""
    params, count = SamplingParams(**{**OFF, **changes}).model_dump(), ROWS[len(logits)]
    assert len(seeds) <= count
    settings = SamplingArrays(*(np.full(count, params[name], DTYPES[name]) for name in SamplingArrays._fields))
    rows = np.broadcast_to(np.asarray(logits, np.float32), (count, len(logits)))
    drawn = drawn_at_once(rows, np.arange(seeds.start, seeds.start + count), settings)
    found: list[int] = np.asarray(drawn)[: len(seeds)].tolist()
    return found


@pytest.mark.parametrize(("k", "expected"), [(0, 5), (1, 1), (3, 3), (5, 5), (99, 5)])
def test_top_k(k: int, expected: int) -> None:
    assert kept(TOP_K(LOGITS, k)) == list(range(expected))


def test_top_k_keeps_what_equals_the_smallest() -> None:
    assert kept(TOP_K(np.array([2.0, 1.0, 1.0, 1.0, 0.0], np.float32), 2)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("p", "expected"), [(0.01, 1), (0.5, 1), (0.51, 2), (0.76, 3), (0.95, 4), (1.0, 5)])
def test_top_p_keeps_the_fewest_that_hold_p(p: float, expected: int) -> None:
    assert kept(TOP_P(LOGITS, jnp.asarray(p))) == list(range(expected))


@pytest.mark.parametrize(("p", "expected"), [(0.0, 5), (0.1, 4), (0.29, 3), (0.31, 2), (1.0, 1)])
def test_min_p_is_relative_to_the_likeliest(p: float, expected: int) -> None:
    assert kept(MIN_P(LOGITS, jnp.asarray(p))) == list(range(expected))


@pytest.mark.parametrize("changes", [{"top_p": 0.76}, {"min_p": 0.29}, {"top_k": 3}])
def test_what_is_kept_does_not_depend_on_position(changes: dict[str, float]) -> None:
    turned = LOGITS[[3, 0, 4, 1, 2]]
    assert set(draws(range(300), turned, **changes)) == {1, 3, 4}


def test_penalty_makes_seen_tokens_less_likely_whatever_their_sign() -> None:
    logits, seen = np.array([2.0, -2.0, 1.0], np.float32), np.array([True, True, False])
    np.testing.assert_allclose(jax.jit(penalize)(logits, seen, np.float32(2.0)), [1.0, -4.0, 1.0])


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


@pytest.mark.parametrize("changes", [{}, {"top_k": 100}, {"top_p": 0.9}, {"min_p": 0.2}, {"top_k": SHORTLIST - 1}])
def test_the_shortlist_changes_nothing(changes: dict[str, float]) -> None:
    """Of many tokens, those drawn are those that the filters keep, as often as they should be."""
    count = ROWS[MANY]
    logits = np.random.default_rng(1).permutation(-0.05 * np.arange(MANY, dtype=np.float32))
    order = np.argsort(-logits)
    expected = np.zeros(MANY)
    inside: Any = logits[order]
    for filtered, name in ((TOP_K, "top_k"), (TOP_P, "top_p"), (MIN_P, "min_p")):
        inside = filtered(inside, jnp.asarray(changes.get(name, OFF[name])))
    weights = np.exp(np.asarray(inside, np.float64))
    expected[order] = weights / weights.sum()
    counts = np.bincount(draws(range(count), logits, **changes), minlength=MANY) / count
    assert (counts[expected == 0] == 0).all()
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(0.05 / count))


def test_ties_at_the_end_of_the_shortlist_are_all_kept() -> None:
    level = np.zeros(MANY)
    assert len(set(draws(range(5000), level, top_k=SHORTLIST // 2))) == MANY


def test_a_row_is_drawn_the_same_among_rows_that_need_all_tokens() -> None:
    logits = np.random.default_rng(2).normal(size=(16, MANY)).astype(np.float32)

    def drawn(top_k: np.ndarray, top_p: np.ndarray) -> np.ndarray:
        steady = {name: np.full(16, OFF[name], np.float32) for name in SamplingArrays._fields}
        changed = {"top_k": top_k.astype(np.int32), "top_p": top_p.astype(np.float32)}
        return np.asarray(drawn_at_once(logits, np.arange(16), SamplingArrays(**{**steady, **changed})))

    # A third each is drawn from the shortlist, as the tokens stand, and among all of them sorted.
    kinds, kind = np.array([(40, 1.0), (0, 1.0), (0, 0.99)]), np.arange(16) % 3
    mixed = drawn(*kinds[kind].T)
    for number, alike in enumerate(kinds):
        same = drawn(np.full(16, alike[0]), np.full(16, alike[1]))
        np.testing.assert_array_equal(mixed[kind == number], same[kind == number])


def test_broken_logits_still_draw_a_token() -> None:
    for wrong in (np.nan, -np.inf, np.inf):
        assert draws(range(3), np.full(5, wrong)) == [0, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 2.1}, {"temperature": -0.1}, {"temperature": float("nan")}, {"top_p": 0.0}, {"top_k": -1},
     {"min_p": 1.5}, {"repetition_penalty": 0.5}, {"max_tokens": 0}, {"heat": 1.0}],
    ids=str,
)  # fmt: skip
def test_out_of_range_is_refused_not_clamped(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SamplingParams(**wrong)
