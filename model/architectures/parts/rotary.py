"""Rotary positions (Su et al., 2104.09864): queries and keys are turned by angles that grow with their token's position.

Each pair of units of a head is a point in the plane, turned at a speed of its own. The product of a query and a key then
depends on how far apart their tokens are, and not on where they stand.

An angle is a fraction of a full circle, held in 32 bits that wrap around as angles do. So it is as exact for token 10,000,000
as for token 1; a float32 position times a frequency would be off by a whole radian there.

Keys are rotated before they enter the ring, once each. Rotated on their way out, all of a ring's keys would be rotated again
for every token that is decoded. A token's position in its conversation is the ring's count, wherever a text is cut: so a
conversation read in chunks is the one read at once.
"""

import jax
import jax.numpy as jnp
import numpy as np

SLOWEST = 10_000.0
"""The first pair of units turns by a radian each token; the last by nearly so many times less."""
FULL_CIRCLE = 2.0**32


def rotate(array: jax.Array, positions: jax.Array, num_heads: int) -> jax.Array:
    """Turn `array[..., N D]`, of N heads side by side, by the angles of its tokens' `positions[...]`; D is even.

    Unit i of a head's first half and unit i of its second are one point.
    """
    by_head = array.reshape(*array.shape[:-1], num_heads, 2, -1)
    pairs = by_head.shape[-1]
    radians = SLOWEST ** (-np.arange(pairs) / pairs)
    turns = jnp.asarray(np.round(radians / (2 * np.pi) * FULL_CIRCLE).astype(np.uint32))
    wrapped = jax.lax.bitcast_convert_type(positions[..., None].astype(jnp.uint32) * turns, jnp.int32)
    angles = wrapped.astype(jnp.float32)[..., None, :] * (2 * np.pi / FULL_CIRCLE)
    first, second, cos, sin = by_head[..., 0, :], by_head[..., 1, :], jnp.cos(angles), jnp.sin(angles)
    return jnp.stack([first * cos - second * sin, second * cos + first * sin], axis=-2).reshape(array.shape)
