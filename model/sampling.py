"""From logits to token ids, a row a reply: pure functions with explicit keys. Knows no text and no network.

A row without `top_k` and `top_p`, as replies are drawn by default, needs no token before another: it is drawn among all of
them as they stand, which is quickest. For other rows the likeliest few are sorted out once and everything else happens among
them. A row whose filters might reach further (`top_k` off or larger, or a tie at the edge) is drawn among all tokens, sorted,
which is slow. A row's own settings and logits decide which, never its neighbours', so that a row is drawn the same in any
crowd. For the same reason nothing is summed but by `cumsum`, whose order of adding is its own: XLA orders the terms of other
sums as the number of rows suits it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

SHORTLIST = 64
"""How many of the likeliest are looked at, where that is enough."""


class SamplingArrays(NamedTuple):
    """SamplingParams of several replies, an array `[B]` each."""

    temperature: Any
    top_k: Any
    top_p: Any
    min_p: Any
    repetition_penalty: Any


def sample(logits: jax.Array, keys: jax.Array, seen: jax.Array, settings: SamplingArrays) -> jax.Array:
    """A token id a row `[B]`, from `logits[B, V]`; `seen[B, V]` is True for tokens that the row's reply already holds."""
    logits = penalize(logits, seen, settings.repetition_penalty)
    chance = jax.vmap(jax.random.uniform)(keys)
    unordered = (settings.top_k == 0) & (settings.top_p >= 1.0)

    def as_they_stand() -> jax.Array:
        return _place(min_p(logits, settings.min_p), chance, settings.temperature)

    def sorted_out() -> jax.Array:
        return jnp.where(unordered, as_they_stand(), _in_order(logits, chance, settings, unordered))

    return jnp.asarray(jax.lax.cond(unordered.all(), as_they_stand, sorted_out))


def _in_order(logits: jax.Array, chance: jax.Array, settings: SamplingArrays, spared: jax.Array) -> jax.Array:
    """The token `[B]` drawn from the likeliest down; rows that are `spared[B]` may get any."""
    everything = logits.shape[-1]
    if everything <= SHORTLIST:
        return _drawn(*jax.lax.top_k(logits, everything), chance, settings)
    # Behind a barrier: XLA makes a sort of everything of a top_k whose result is cut further.
    values, ids = jax.lax.optimization_barrier(jax.lax.top_k(logits, SHORTLIST))
    short, enough = _drawn(values, ids, chance, settings), _suffices(values, settings)

    def among_all() -> jax.Array:
        numbers = jax.lax.broadcasted_iota(jnp.int32, logits.shape, 1)
        negated, ids = jax.lax.sort((-logits, numbers), num_keys=1)
        return jnp.where(enough, short, _drawn(-negated, ids, chance, settings))

    return jnp.asarray(jax.lax.cond((enough | spared).all(), lambda: short, among_all))


def penalize(logits: jax.Array, seen: jax.Array, penalty: jax.Array) -> jax.Array:
    """Make tokens already in the reply less likely (CTRL: Keskar et al., 1909.05858, section 4.1)."""
    penalty = penalty[..., None]
    return jnp.where(seen, jnp.where(logits > 0, logits / penalty, logits * penalty), logits)


def top_k(values: jax.Array, k: jax.Array) -> jax.Array:
    """Keep the k largest (and what equals the smallest of them) of `values[..., C]`, which descend; k = 0 keeps all."""
    return _kept_from(values, _kth(values, k))


def top_p(values: jax.Array, p: jax.Array) -> jax.Array:
    """Keep the fewest of descending `values[..., C]` that hold probability p (Holtzman et al., 1904.09751); always one."""
    p, weights = p[..., None], jnp.exp(values - values[..., :1])
    sums = jnp.cumsum(weights, axis=-1)
    held = (sums - weights < p * sums[..., -1:]) | (p >= 1.0)
    return _kept_from(values, jnp.where(held, values, jnp.inf).min(axis=-1))


def min_p(values: jax.Array, p: jax.Array) -> jax.Array:
    """Keep what is at least p times as likely as the likeliest of `values[..., C]` (Nguyen et al., 2407.01082)."""
    return _kept_from(values, values.max(axis=-1) + jnp.log(p))


def _drawn(values: jax.Array, ids: jax.Array, chance: jax.Array, settings: SamplingArrays) -> jax.Array:
    """The token `[B]` of descending `values[B, C]`, of those that the filters keep."""
    kept = min_p(top_p(top_k(values, settings.top_k), settings.top_p), settings.min_p)
    place = _place(kept, chance, settings.temperature)
    return jnp.asarray(jnp.take_along_axis(ids, place[:, None], axis=-1)[:, 0])


def _place(kept: jax.Array, chance: jax.Array, temperature: jax.Array) -> jax.Array:
    """Where `[B]` in `kept[B, C]`, in any order, the summed weight passes `chance[B]` of it all; greedy: the largest."""
    hot = temperature > 0
    weights = jnp.exp((kept - kept.max(axis=-1, keepdims=True)) / jnp.where(hot, temperature, 1.0)[:, None])
    sums = jnp.cumsum(weights, axis=-1)
    return jnp.where(hot, (sums <= chance[:, None] * sums[:, -1:]).sum(axis=-1), kept.argmax(axis=-1))


def _suffices(values: jax.Array, settings: SamplingArrays) -> jax.Array:
    """Whether nothing that the filters keep can be missing from the shortlist `values[B, C]`."""
    last = values[:, -1]
    within = (settings.top_k > 0) & (last < _kth(values, settings.top_k))
    return jnp.asarray(within | (settings.temperature == 0) | jnp.isneginf(last))


def _kth(values: jax.Array, k: jax.Array) -> jax.Array:
    """The k-th of descending `values[..., C]`, the last where k is 0 or there are fewer."""
    size = values.shape[-1]
    place = jnp.where(k > 0, jnp.minimum(k, size), size) - 1
    return jnp.asarray(jnp.take_along_axis(values, place[..., None], axis=-1)[..., 0])


def _kept_from(values: jax.Array, smallest: jax.Array) -> jax.Array:
    return jnp.where(values < smallest[..., None], -jnp.inf, values)
