"""The attention head by itself: what it sees, and that a ring in bfloat16 changes nothing between chunks and the whole."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from model.architectures import build
from model.architectures.parts.attention import AttentionRing, attend_step, attend_window, empty_ring
from model.config import ModelConfig
from model.tokenizer import BOS

pytestmark = pytest.mark.slow

B, T, K, U = 3, 23, 4, 8
TOKENS = np.random.default_rng(0).integers(1, 13, (B, T))
TOKENS[0, 4] = TOKENS[1, 7] = TOKENS[1, 19] = BOS
KEEP = TOKENS != BOS


def inputs() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    return tuple(rng.normal(size=(B, T, width)).astype(np.float32) for width in (K, K, U))


def found_float64(window: int) -> np.ndarray:
    """What each token finds, from the equation, over the tokens of its conversation that are less than `window` back."""
    query, key, value = (array.astype(np.float64) for array in inputs())
    key, value = (array.astype(ml_dtypes.bfloat16).astype(np.float64) for array in (key, value))
    found = np.zeros((B, T, U))
    for row in range(B):
        begun = 0
        for t in range(T):
            begun = t if TOKENS[row, t] == BOS else begun
            first = max(begun, t - window + 1)
            scores = key[row, first : t + 1] @ query[row, t] / np.sqrt(K)
            weights = np.exp(scores - scores.max())
            found[row, t] = weights @ value[row, first : t + 1] / weights.sum()
    return found


def by_windows(window: int, cuts: list[int]) -> tuple[np.ndarray, AttentionRing]:
    """The same by `attend_window`, a part of the tokens at a time."""
    ring, found = empty_ring(B, window, K, U), []
    for first, end in zip([0, *cuts], [*cuts, T], strict=True):
        part = [jnp.asarray(array[:, first:end]) for array in inputs()]
        one, ring = jax.jit(attend_window)(part[0], part[1], part[2], ring, KEEP[:, first:end])
        found.append(one)
    return np.concatenate(found, axis=1), ring


@partial(jax.jit, static_argnums=0)
def _by_steps(window: int, arrays: Any, keep: Any) -> Any:
    def step(ring: AttentionRing, now: Any) -> tuple[AttentionRing, jax.Array]:
        found, ring = attend_step(now[0][0], now[0][1], now[0][2], ring, now[1])
        return ring, found

    in_time = [jnp.asarray(array).swapaxes(0, 1) for array in arrays]
    return jax.lax.scan(step, empty_ring(B, window, K, U), (in_time, keep.T))


@pytest.mark.parametrize("window", [4, 7, 64])
def test_a_token_finds_what_the_equation_says(window: int) -> None:
    """In one window, in parts that end within a conversation, at its end and after one token, and token by token."""
    expected = found_float64(window)
    whole, ring = by_windows(window, [])
    parts, ring_of_parts = by_windows(window, [1, 4, 12])
    ring_of_steps, steps = _by_steps(window, inputs(), KEEP)
    for found in (whole, parts, np.asarray(steps).swapaxes(0, 1)):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    for other in (ring_of_parts, ring_of_steps):
        jax.tree.map(np.testing.assert_array_equal, other, ring)


def test_a_row_of_the_carry_is_small() -> None:
    """A row of the engine has one for each reply and kept prefix; the default head takes 96 KiB at most."""
    model = build(ModelConfig(architecture="lstm_attention", vocab_size=300), seed=0)
    ring = jax.eval_shape(lambda: model.initial_carry(1))[-1]
    assert sum(array.size * array.dtype.itemsize for array in jax.tree.leaves(ring)) <= 96 * 1024 + 4


def test_without_the_head_it_is_the_lstm() -> None:
    shape: dict[str, Any] = {"vocab_size": 13, "hidden_dim": 8, "attention_dim": K}
    model: Any = build(ModelConfig(architecture="lstm_attention", **shape), seed=1)
    lstm = build(ModelConfig(architecture="lstm", **shape), seed=1)
    model.mix.set_value(jnp.zeros_like(model.mix[...]))
    tokens = jnp.asarray(TOKENS)

    @jax.jit
    def both() -> tuple[jax.Array, jax.Array]:
        return model(tokens, model.initial_carry(B))[0], lstm(tokens, lstm.initial_carry(B))[0]

    with_head, without = both()
    np.testing.assert_allclose(with_head, without, atol=1e-6)
