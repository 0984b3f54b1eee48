"""Whichever way is taken, it is the plain way's product, bit for bit; and the plain way is right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from model.architectures.parts import batch_invariant as module
from model.architectures.parts.batch_invariant import ROWS, batch_invariant_matmul

SHAPES = [(64, 1024), (100, 400), (37, 65), (1, 8)]


def made(count: int, inputs: int, outputs: int) -> tuple[jax.Array, jax.Array]:
    chance = np.random.default_rng(count)
    return jnp.asarray(chance.normal(size=(count, inputs)), jnp.float32), jnp.asarray(
        chance.normal(size=(inputs, outputs)), jnp.float32
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_row_has_the_same_bits_among_any_number(shape: tuple[int, int]) -> None:
    rows, weight = made(64, *shape)
    product = jax.jit(batch_invariant_matmul)
    whole = np.asarray(product(rows, weight))
    np.testing.assert_allclose(whole, np.asarray(rows, np.float64) @ np.asarray(weight, np.float64), atol=1e-4)
    for count in (1, 2, 3, 4, 5, 16, 20, 33):
        np.testing.assert_array_equal(product(rows[-count:], weight), whole[-count:], err_msg=f"{count} rows")


def test_a_way_with_other_bits_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial can fail: a way that is off in the last place of one sum is left alone."""

    def nearly(rows: jax.Array, weight: jax.Array) -> jax.Array:
        right = rows @ weight
        return right.at[0, 0].set(jnp.nextafter(right[0, 0], jnp.inf))

    def in_fours(rows: jax.Array, weight: jax.Array) -> jax.Array:
        return module._in_parts(ROWS, rows, weight)

    monkeypatch.setattr(module, "WAYS", [(32, nearly), (16, in_fours)])
    module._good_ways.cache_clear()
    try:
        assert module._good_ways(48, 56) == [(16, in_fours)]
    finally:
        module._good_ways.cache_clear()
