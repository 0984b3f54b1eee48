"""Dropout masks for training: units, embedding rows and recurrent weights. Draws from the keys it is given, holds no state.

Each mask is drawn once a window and holds for all its steps, which keeps the scan fast.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

LEVELS = 256
"""Rates are rounded to so many parts: a byte a draw costs a quarter of a whole word, and a mask may have a million."""


class DropoutKeys(NamedTuple):
    """The chance in one training step: a key that all rows of the batch share, and one for each row `[B]`.

    A row's own key makes its masks the same however the batch is split over devices.
    """

    shared: jax.Array
    rows: jax.Array

    def fold(self, number: int) -> "DropoutKeys":
        """Other chance, for another place in the network."""
        fold = partial(jax.random.fold_in, data=number)
        return DropoutKeys(fold(self.shared), jax.vmap(fold)(self.rows))


def dropout_keys(key: jax.Array, rows: jax.Array) -> DropoutKeys:
    """The chance of a step with this key, for the rows of these numbers `[B]`."""
    shared, rows_key = jax.random.split(key)
    return DropoutKeys(shared, jax.vmap(lambda row: jax.random.fold_in(rows_key, row))(rows))


def unit_mask(noise: DropoutKeys | None, rate: float, width: int) -> jax.Array | None:
    """Factors `[B, width]`, other ones a row: locked dropout (Gal and Ghahramani, 1512.05287). None: nothing is dropped."""
    if noise is None or rate == 0.0:
        return None
    return jax.vmap(lambda key: _mask(key, rate, (width,)))(noise.rows)


def embedding_mask(noise: DropoutKeys | None, rate: float, count: int) -> jax.Array | None:
    """Factors `[count]`, the same for all rows of the batch: embedding dropout (Merity et al., 1708.02182, section 4.3)."""
    return None if noise is None or rate == 0.0 else _mask(noise.shared, rate, (count,))


def weight_drop(weight: jax.Array, noise: DropoutKeys | None, rate: float) -> jax.Array:
    """`weight` with a part of its connections cut (Wan et al. 2013; on recurrent matrices: 1708.02182, section 2)."""
    return weight if noise is None or rate == 0.0 else weight * _mask(noise.shared, rate, weight.shape)


def _mask(key: jax.Array, rate: float, shape: tuple[int, ...]) -> jax.Array:
    """0 for a part `rate`, and for the rest what keeps the mean 1."""
    cut = min(max(round(rate * LEVELS), 1), LEVELS - 1)
    kept = jax.random.bits(key, shape, jnp.uint8) >= cut
    return jnp.where(kept, LEVELS / (LEVELS - cut), 0.0)
