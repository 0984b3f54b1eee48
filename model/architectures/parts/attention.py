"""Causal attention over the newest tokens of a conversation, of one head or several (1706.03762). Knows no network around it.

Keys and values of the newest `window` tokens are a ring in the carry, so that a row of the engine costs the same however long
a conversation is. Token n of a conversation has slot n mod `window`; each token sees itself and the `window` - 1 before it.
The ring holds bfloat16, half the memory of a row, and what is not in the ring yet is rounded alike: a conversation read in
chunks is the one read at once. Several heads have their shares of a key's and a value's units side by side.

Shape suffixes: B rows, T steps, W slots of the ring, S = W + T tokens that can be seen, K units of a key, U of a value (of
all heads together).
"""

from collections.abc import Callable
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


def step_positions(ring: AttentionRing, keep_B: jax.Array) -> jax.Array:
    """The position in its conversation, from 0, of the token that each row reads next `[B]`; 0 where not `keep_B`."""
    return ring.count_B * keep_B


def window_positions(ring: AttentionRing, keep_BxT: jax.Array) -> jax.Array:
    """The position in its conversation, from 0, of each token of a window `[B, T]`; it is 0 where not `keep_BxT`."""
    steps_T = jnp.arange(keep_BxT.shape[1])
    begun_BxT = jax.lax.cummax(jnp.where(keep_BxT, -1, steps_T), axis=1)
    return jnp.where(begun_BxT >= 0, steps_T - begun_BxT, steps_T + ring.count_B[:, None])


def attend_step(
    query_BxK: jax.Array,
    key_BxK: jax.Array,
    value_BxU: jax.Array,
    ring: AttentionRing,
    keep_B: jax.Array,
    num_heads: int = 1,
) -> tuple[jax.Array, AttentionRing]:
    """What one token of each row finds `[B, U]`, and the ring with that token; emptied first where not `keep_B`.

    A row has the same bits in any batch.
    """
    window, count_B = ring.keys_BxWxK.shape[1], step_positions(ring, keep_B)
    slots_W = jnp.arange(window)
    is_new_BxW = slots_W == (count_B % window)[:, None]

    def written(old: jax.Array, new: jax.Array) -> jax.Array:
        kept = jnp.where(keep_B[:, None, None], old, 0)
        return jnp.where(is_new_BxW[..., None], new[:, None].astype(RING_DTYPE), kept)

    ring = AttentionRing(written(ring.keys_BxWxK, key_BxK), written(ring.values_BxWxU, value_BxU), count_B + 1)
    is_held_BxW = slots_W < ring.count_B[:, None]
    found_BxU = _by_heads(num_heads, _found_step, query_BxK, ring.keys_BxWxK, ring.values_BxWxU)(is_held_BxW)
    return found_BxU, ring


def attend_window(
    query_BxTxK: jax.Array,
    key_BxTxK: jax.Array,
    value_BxTxU: jax.Array,
    ring: AttentionRing,
    keep_BxT: jax.Array,
    num_heads: int = 1,
) -> tuple[jax.Array, AttentionRing]:
    """What each token of a window finds `[B, T, U]`, and the ring after the window; emptied where not `keep_BxT`."""
    window, length = ring.keys_BxWxK.shape[1], key_BxTxK.shape[1]
    new_keys, new_values = (array.astype(RING_DTYPE) for array in (key_BxTxK, value_BxTxU))
    # Which conversation of this window each token belongs to: 0 is the ring's.
    segment_BxT = jnp.cumsum(~keep_BxT, axis=1)
    steps_T, number_BxT = jnp.arange(length), window_positions(ring, keep_BxT)
    held_BxW = _held_numbers(ring.count_B, window)
    seen_BxTxW = (
        (segment_BxT == 0)[..., None] & (held_BxW >= 0)[:, None] & (number_BxT[..., None] - held_BxW[:, None] < window)
    )
    distance_TxT = steps_T[:, None] - steps_T
    seen_BxTxT = (segment_BxT[..., None] == segment_BxT[:, None]) & (distance_TxT >= 0) & (distance_TxT < window)
    seen_BxTxS = jnp.concatenate([seen_BxTxW, seen_BxTxT], axis=-1)
    arrays = query_BxTxK, new_keys, new_values, ring.keys_BxWxK, ring.values_BxWxU
    found_BxTxU = _by_heads(num_heads, _found_window, *arrays)(seen_BxTxS)

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


def _by_heads(num_heads: int, found: Callable[..., jax.Array], *arrays: jax.Array) -> Callable[[jax.Array], jax.Array]:
    """`found` of each head's share of the units of `arrays[..., K]`; one head is not split, and keeps its bits."""
    if num_heads == 1:
        return lambda seen: found(seen, *arrays)
    split = [array.reshape(*array.shape[:-1], num_heads, -1) for array in arrays]
    in_axes = (None, *(array.ndim - 2 for array in split))

    def of_all(seen: jax.Array) -> jax.Array:
        by_head = jax.vmap(found, in_axes, out_axes=-2)(seen, *split)
        return by_head.reshape(*by_head.shape[:-2], -1)

    return of_all


def _found_step(
    is_held_BxW: jax.Array, query_BxK: jax.Array, keys_BxWxK: jax.Array, values_BxWxU: jax.Array
) -> jax.Array:
    """What one head finds for one token of each row `[B, U]`, `values_BxWxU` weighted by the softmax of q . k / sqrt(K).

    In a loop over rows, whose body is the same program for any B: XLA's order of addition in a program depends on it. A loop
    of one row would be none, and its body compiled with what stands around it.
    """

    def of_row(row: tuple[jax.Array, ...]) -> jax.Array:
        is_held_W, query_K, keys_WxK, values_WxU = row
        scores_W = (query_K * keys_WxK).sum(-1) * query_K.shape[0] ** -0.5
        weights_W = jax.nn.softmax(jnp.where(is_held_W, scores_W, -jnp.inf))
        return (weights_W[:, None] * values_WxU).sum(0)

    rows: tuple[jax.Array, ...] = (is_held_BxW, query_BxK, keys_BxWxK, values_BxWxU)
    if len(query_BxK) == 1:
        rows = tuple(jnp.concatenate([array, array]) for array in rows)
    return jnp.asarray(jax.lax.map(of_row, rows))[: len(query_BxK)]


def _found_window(
    seen_BxTxS: jax.Array,
    query_BxTxK: jax.Array,
    new_keys_BxTxK: jax.Array,
    new_values_BxTxU: jax.Array,
    keys_BxWxK: jax.Array,
    values_BxWxU: jax.Array,
) -> jax.Array:
    """What one head finds for each token of a window `[B, T, U]`, in the ring and in the window before it."""
    scores_BxTxS = (
        jnp.concatenate([_scores(query_BxTxK, keys_BxWxK), _scores(query_BxTxK, new_keys_BxTxK)], axis=-1)
        * query_BxTxK.shape[-1] ** -0.5
    )
    weights_BxTxS = jax.nn.softmax(jnp.where(seen_BxTxS, scores_BxTxS, -jnp.inf), axis=-1)
    values_BxSxU = jnp.concatenate([values_BxWxU, new_values_BxTxU], axis=1).astype(jnp.float32)
    return jnp.einsum("bts,bsu->btu", weights_BxTxS, values_BxSxU)


def _scores(query_BxTxK: jax.Array, keys_BxSxK: jax.Array) -> jax.Array:
    return jnp.einsum("btk,bsk->bts", query_BxTxK, keys_BxSxK.astype(jnp.float32))
