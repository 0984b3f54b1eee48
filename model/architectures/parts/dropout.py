"""Dropout: the keys and masks with which units, tokens and recurrent weights are dropped in training.

Every mask is drawn once for each window and holds for all its steps, which keeps the scan fast.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

LEVELS = 256
"""Rates are rounded to multiples of 1/256: random bytes cost a quarter of random words, and a mask may have a million."""


class DropoutKeys(NamedTuple):
    """Random keys of one training step: one that all rows of the batch share, and one for each row `[B]`.

    A row's own key makes its masks the same however the batch is split over devices.
    """

    shared: jax.Array
    rows: jax.Array

    def fold(self, number: int) -> "DropoutKeys":
        """Derive the keys of another part of the network."""
        fold = partial(jax.random.fold_in, data=number)
        return DropoutKeys(fold(self.shared), jax.vmap(fold)(self.rows))


def dropout_keys(key: jax.Array, rows: jax.Array) -> DropoutKeys:
    """Derive a step's keys: one that is shared, and one for each row index in `rows[B]`."""
    shared, rows_key = jax.random.split(key)
    return DropoutKeys(shared, jax.vmap(lambda row: jax.random.fold_in(rows_key, row))(rows))


def unit_mask(noise: DropoutKeys | None, rate: float, width: int) -> jax.Array | None:
    """Mask `[B, width]`, different in each row: locked dropout (Gal and Ghahramani, 1512.05287). None drops nothing."""
    if noise is None or rate == 0.0:
        return None
    return jax.vmap(lambda key: _mask(key, rate, (width,)))(noise.rows)


def embedding_mask(noise: DropoutKeys | None, rate: float, count: int) -> jax.Array | None:
    """Mask `[count]`, the same for all rows of the batch: embedding dropout (Merity et al., 1708.02182, section 4.3)."""
    return None if noise is None or rate == 0.0 else _mask(noise.shared, rate, (count,))


def weight_drop(weight: jax.Array, noise: DropoutKeys | None, rate: float) -> jax.Array:
    """`weight` with some of its connections dropped (Wan et al. 2013; on recurrent matrices: 1708.02182, section 2)."""
    return weight if noise is None or rate == 0.0 else weight * _mask(noise.shared, rate, weight.shape)


def _mask(key: jax.Array, rate: float, shape: tuple[int, ...]) -> jax.Array:
    """A mask that is 0 with probability `rate`, and otherwise a constant that keeps the mean 1."""
    dropped = min(max(round(rate * LEVELS), 1), LEVELS - 1)
    kept = jax.random.bits(key, shape, jnp.uint8) >= dropped
    return jnp.where(kept, LEVELS / (LEVELS - dropped), 0.0)
