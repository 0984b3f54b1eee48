"""One attention head over the newest tokens of a conversation (SHA-RNN: Merity, 1911.11423). Knows no recurrent cell.

Keys and values of the newest `window` tokens are a ring in the carry, so that a row of the engine costs the same however long
a conversation is. Token n of a conversation has slot n mod `window`; each token sees itself and the `window` - 1 before it.
The ring holds bfloat16, half the memory of a row, and what is not in the ring yet is rounded alike: a conversation read in
chunks is the one read at once.

Shape suffixes: B rows, T steps, W slots of the ring, S = W + T tokens that can be seen, K units of a key, U of a value.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

RING_DTYPE = jnp.bfloat16


class AttentionRing(NamedTuple):
    """The newest tokens' keys and values, zero in empty slots; `count_B` tokens of the conversation have been read."""

    keys_BxWxK: jax.Array
    values_BxWxU: jax.Array
    count_B: jax.Array


def empty_ring(batch_size: int, window: int, key_dim: int, value_dim: int) -> AttentionRing:
    """A ring before the first token."""
    keys = jnp.zeros((batch_size, window, key_dim), RING_DTYPE)
    values = jnp.zeros((batch_size, window, value_dim), RING_DTYPE)
    return AttentionRing(keys, values, jnp.zeros(batch_size, jnp.int32))


def attend_step(
    query_BxK: jax.Array, key_BxK: jax.Array, value_BxU: jax.Array, ring: AttentionRing, keep_B: jax.Array
) -> tuple[jax.Array, AttentionRing]:
    """What one token of each row finds `[B, U]`, and the ring with that token; emptied first where not `keep_B`.

    Sums over the units of a row are elementwise products and reductions: a row has the same bits in any batch.
    """
    window, count_B = ring.keys_BxWxK.shape[1], ring.count_B * keep_B
    slots_W = jnp.arange(window)
    is_new_BxW = slots_W == (count_B % window)[:, None]

    def written(old: jax.Array, new: jax.Array) -> jax.Array:
        kept = jnp.where(keep_B[:, None, None], old, 0)
        return jnp.where(is_new_BxW[..., None], new[:, None].astype(RING_DTYPE), kept)

    ring = AttentionRing(written(ring.keys_BxWxK, key_BxK), written(ring.values_BxWxU, value_BxU), count_B + 1)
    scores_BxW = (query_BxK[:, None] * ring.keys_BxWxK).sum(-1) * query_BxK.shape[1] ** -0.5
    weights_BxW = jax.nn.softmax(jnp.where(slots_W < ring.count_B[:, None], scores_BxW, -jnp.inf), axis=-1)
    return (weights_BxW[..., None] * ring.values_BxWxU).sum(1), ring


def attend_window(
    query_BxTxK: jax.Array, key_BxTxK: jax.Array, value_BxTxU: jax.Array, ring: AttentionRing, keep_BxT: jax.Array
) -> tuple[jax.Array, AttentionRing]:
    """What each token of a window finds `[B, T, U]`, and the ring after the window; emptied where not `keep_BxT`."""
    window, length = ring.keys_BxWxK.shape[1], key_BxTxK.shape[1]
    new_keys, new_values = (array.astype(RING_DTYPE) for array in (key_BxTxK, value_BxTxU))
    # Number of each token in its conversation, and which conversation of this window it belongs to: 0 is the ring's.
    segment_BxT = jnp.cumsum(~keep_BxT, axis=1)
    steps_T = jnp.arange(length)
    begun_BxT = jax.lax.cummax(jnp.where(keep_BxT, -1, steps_T), axis=1)
    number_BxT = jnp.where(segment_BxT > 0, steps_T - begun_BxT, steps_T + ring.count_B[:, None])
    held_BxW = _held_numbers(ring.count_B, window)
    seen_BxTxW = (
        (segment_BxT == 0)[..., None] & (held_BxW >= 0)[:, None] & (number_BxT[..., None] - held_BxW[:, None] < window)
    )
    distance_TxT = steps_T[:, None] - steps_T
    seen_BxTxT = (segment_BxT[..., None] == segment_BxT[:, None]) & (distance_TxT >= 0) & (distance_TxT < window)
    scores_BxTxS = (
        jnp.concatenate([_scores(query_BxTxK, ring.keys_BxWxK), _scores(query_BxTxK, new_keys)], axis=-1)
        * query_BxTxK.shape[-1] ** -0.5
    )
    seen_BxTxS = jnp.concatenate([seen_BxTxW, seen_BxTxT], axis=-1)
    weights_BxTxS = jax.nn.softmax(jnp.where(seen_BxTxS, scores_BxTxS, -jnp.inf), axis=-1)
    values_BxSxU = jnp.concatenate([ring.values_BxWxU, new_values], axis=1).astype(jnp.float32)
    found_BxTxU = jnp.einsum("bts,bsu->btu", weights_BxTxS, values_BxSxU)

    count_B = number_BxT[:, -1] + 1
    numbers_BxW = _held_numbers(count_B, window)
    step_BxW = numbers_BxW - count_B[:, None] + length  # of the window, or negative: it was in the ring before

    def advanced(old: jax.Array, new: jax.Array) -> jax.Array:
        taken = jnp.take_along_axis(new, jnp.maximum(step_BxW, 0)[..., None], axis=1)
        held = jnp.where((step_BxW >= 0)[..., None], taken, old)
        return jnp.where((numbers_BxW >= 0)[..., None], held, 0)

    return found_BxTxU, AttentionRing(
        advanced(ring.keys_BxWxK, new_keys), advanced(ring.values_BxWxU, new_values), count_B
    )


def _held_numbers(count_B: jax.Array, window: int) -> jax.Array:
    """The number of the token in each slot `[B, W]` after so many tokens; negative for an empty slot."""
    last_B = count_B[:, None] - 1
    return last_B - (last_B - jnp.arange(window)) % window


def _scores(query_BxTxK: jax.Array, keys_BxSxK: jax.Array) -> jax.Array:
    return jnp.einsum("btk,bsk->bts", query_BxTxK, keys_BxSxK.astype(jnp.float32))
