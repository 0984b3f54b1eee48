"""Rotary positions: what a query and a key make of each other depends on how far apart they are, wherever that is."""

import jax.numpy as jnp
import numpy as np
import pytest

from model.architectures.parts.rotary import FULL_CIRCLE, rotate

D, HEADS = 8, 2
QUERY, KEY = np.random.default_rng(0).normal(size=(2, HEADS * D)).astype(np.float32)


def product(query_position: int, key_position: int) -> np.ndarray:
    """Of each head; positions as the ring counts them, in 32 bits."""
    positions = jnp.asarray([query_position, key_position])
    query, key = np.asarray(rotate(jnp.asarray([QUERY, KEY]), positions, HEADS)).reshape(2, HEADS, D)
    return np.asarray((query * key).sum(-1))


@pytest.mark.parametrize("first", [1, 1000, 10_000_000, 2**31 - 20])
def test_only_the_distance_matters(first: int) -> None:
    """A position times a frequency in float32 is off by a radian at ten million."""
    for distance in (0, 1, 7):
        np.testing.assert_allclose(product(first + distance, first), product(distance, 0), atol=1e-5)
    assert not np.allclose(product(1, 0), product(0, 0), atol=0.1)
    assert not np.allclose(product(1, 0), product(0, 1), atol=0.1), "before is not after"


def test_it_is_the_rotation_of_the_paper() -> None:
    """Each pair by its own angle: a matrix for each, in float64."""
    position = 37
    turned = np.asarray(rotate(jnp.asarray(QUERY[None]), jnp.asarray([position]), HEADS)).reshape(HEADS, 2, D // 2)
    for head in range(HEADS):
        for pair in range(D // 2):
            angle = position * 10_000.0 ** (-2 * pair / D)
            matrix = np.asarray([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            wanted = matrix @ QUERY.reshape(HEADS, 2, D // 2)[head, :, pair]
            np.testing.assert_allclose(turned[head, :, pair], wanted, atol=1e-5)
    assert FULL_CIRCLE == 2**32, "positions wrap around with 32 bits"
