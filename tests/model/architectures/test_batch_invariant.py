"""Whichever method is used has the reference's bits, and the reference is exact."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from model.architectures.parts import batch_invariant as module
from model.architectures.parts.batch_invariant import ROWS, batch_invariant_matmul

pytestmark = pytest.mark.usefixtures("optimized")

SHAPES = [(64, 1024), (100, 400), (37, 65), (1, 8)]


def random_operands(count: int, inputs: int, outputs: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(count)
    shapes = (count, inputs), (inputs, outputs)
    rows, weight = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return rows, weight


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_row_has_the_same_bits_among_any_number(shape: tuple[int, int]) -> None:
    rows, weight = random_operands(64, *shape)
    matmul = jax.jit(batch_invariant_matmul)
    whole = np.asarray(matmul(rows, weight))
    np.testing.assert_allclose(whole, rows.astype(np.float64) @ weight.astype(np.float64), atol=1e-4)
    for count in (1, 3, 5, 16, 20, 33):  # one; part of a chunk; of two; whole chunks of each size, and more
        np.testing.assert_array_equal(matmul(rows[-count:], weight), whole[-count:], err_msg=f"{count} rows")


def test_a_method_with_other_bits_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial can fail: a method that is off in the last place of one sum is not used."""

    def inexact(rows: jax.Array, weight: jax.Array) -> jax.Array:
        exact = rows @ weight
        return exact.at[0, 0].set(jnp.nextafter(exact[0, 0], jnp.inf))

    def in_fours(rows: jax.Array, weight: jax.Array) -> jax.Array:
        return module._in_chunks(ROWS, rows, weight)

    monkeypatch.setattr(module, "METHODS", [(32, inexact), (16, in_fours)])
    module._exact_methods.cache_clear()
    try:
        assert module._exact_methods(48, 56) == [(16, in_fours)]
    finally:
        module._exact_methods.cache_clear()
