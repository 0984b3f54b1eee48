"""Sampling token ids from logits, a row for each reply: pure functions with explicit keys. Knows no text and no network.

A row without `top_k` and `top_p`, the default, needs no order: it is sampled from all tokens as they stand, which is fastest.
For other rows a shortlist of the likeliest is sorted once and filtered. A row whose filters might keep more than the
shortlist (`top_k` off or larger, or a tie at the edge) is sampled from all tokens, sorted, which is slow. A row's own
parameters and logits decide which, never its neighbours', so that a row gives the same token in any batch. For the same
reason sums are taken by `cumsum` alone, whose order of adding is fixed: XLA orders the terms of other sums by the number of
rows.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

SHORTLIST = 64
"""How many of the likeliest tokens are sorted, where that is enough."""


class SamplingArrays(NamedTuple):
    """SamplingParams of several replies, an array `[B]` for each field."""

    temperature: Any
    top_k: Any
    top_p: Any
    min_p: Any
    word_min_p: Any
    repetition_penalty: Any


def sample(logits: jax.Array, keys: jax.Array, seen: jax.Array, params: SamplingArrays) -> jax.Array:
    """Token ids `[B]` sampled from `logits[B, V]`; `seen[B, V]` is True for tokens that the row's reply contains."""
    logits = penalize(logits, seen, params.repetition_penalty)
    uniform = jax.vmap(jax.random.uniform)(keys)
    unordered = (params.top_k == 0) & (params.top_p >= 1.0)

    def sample_unsorted() -> jax.Array:
        return _sample_index(min_p(logits, params.min_p), uniform, params.temperature)

    def sample_both() -> jax.Array:
        return jnp.where(unordered, sample_unsorted(), _sample_sorted(logits, uniform, params, unordered))

    return jnp.asarray(jax.lax.cond(unordered.all(), sample_unsorted, sample_both))


def _sample_sorted(logits: jax.Array, uniform: jax.Array, params: SamplingArrays, ignored: jax.Array) -> jax.Array:
    """Token ids `[B]` sampled from tokens sorted by likelihood; of rows that are `ignored[B]`, any id."""
    vocab_size = logits.shape[-1]
    if vocab_size <= SHORTLIST:
        return _sample_descending(*jax.lax.top_k(logits, vocab_size), uniform, params)
    # Behind a barrier: XLA turns a top_k whose result is cut further into a sort of everything.
    values, ids = jax.lax.optimization_barrier(jax.lax.top_k(logits, SHORTLIST))
    short, enough = _sample_descending(values, ids, uniform, params), _shortlist_suffices(values, params)

    def sample_all() -> jax.Array:
        all_ids = jax.lax.broadcasted_iota(jnp.int32, logits.shape, 1)
        negated, ids = jax.lax.sort((-logits, all_ids), num_keys=1)
        return jnp.where(enough, short, _sample_descending(-negated, ids, uniform, params))

    return jnp.asarray(jax.lax.cond((enough | ignored).all(), lambda: short, sample_all))


def penalize(logits: jax.Array, seen: jax.Array, penalty: jax.Array) -> jax.Array:
    """Make tokens that the reply contains less likely (CTRL: Keskar et al., 1909.05858, section 4.1)."""
    penalty = penalty[..., None]
    return jnp.where(seen, jnp.where(logits > 0, logits / penalty, logits * penalty), logits)


def top_k(values: jax.Array, k: jax.Array) -> jax.Array:
    """Keep the k largest of descending `values[..., C]`, and any equal to the k-th; k = 0 keeps all."""
    return _mask_below(values, _kth_largest(values, k))


def top_p(values: jax.Array, p: jax.Array) -> jax.Array:
    """Keep the fewest of descending `values[..., C]` that hold probability p, at least one (Holtzman et al., 1904.09751)."""
    p, weights = p[..., None], jnp.exp(values - values[..., :1])
    sums = jnp.cumsum(weights, axis=-1)
    within = (sums - weights < p * sums[..., -1:]) | (p >= 1.0)
    return _mask_below(values, jnp.where(within, values, jnp.inf).min(axis=-1))


def min_p(values: jax.Array, p: jax.Array) -> jax.Array:
    """Keep those of `values[..., C]` at least p times as likely as the likeliest (Nguyen et al., 2407.01082)."""
    return _mask_below(values, values.max(axis=-1) + jnp.log(p))


def _sample_descending(values: jax.Array, ids: jax.Array, uniform: jax.Array, params: SamplingArrays) -> jax.Array:
    """Filter descending `values[B, C]` and sample one of the `ids[B, C]` of those kept."""
    kept = min_p(top_p(top_k(values, params.top_k), params.top_p), params.min_p)
    index = _sample_index(kept, uniform, params.temperature)
    return jnp.asarray(jnp.take_along_axis(ids, index[:, None], axis=-1)[:, 0])


def _sample_index(kept: jax.Array, uniform: jax.Array, temperature: jax.Array) -> jax.Array:
    """Index `[B]` into `kept[B, C]` by inverse transform sampling with `uniform[B]`; at temperature 0 the largest."""
    hot = temperature > 0
    weights = jnp.exp((kept - kept.max(axis=-1, keepdims=True)) / jnp.where(hot, temperature, 1.0)[:, None])
    sums = jnp.cumsum(weights, axis=-1)
    return jnp.where(hot, (sums <= uniform[:, None] * sums[:, -1:]).sum(axis=-1), kept.argmax(axis=-1))


def _shortlist_suffices(values: jax.Array, params: SamplingArrays) -> jax.Array:
    """Whether all tokens that the filters keep are in the shortlist `values[B, C]`."""
    last = values[:, -1]
    within = (params.top_k > 0) & (last < _kth_largest(values, params.top_k))
    return jnp.asarray(within | (params.temperature == 0) | jnp.isneginf(last))


def _kth_largest(values: jax.Array, k: jax.Array) -> jax.Array:
    """The k-th of descending `values[..., C]`; the last where k is 0 or more than C."""
    size = values.shape[-1]
    index = jnp.where(k > 0, jnp.minimum(k, size), size) - 1
    return jnp.asarray(jnp.take_along_axis(values, index[..., None], axis=-1)[..., 0])


def _mask_below(values: jax.Array, smallest: jax.Array) -> jax.Array:
    return jnp.where(values < smallest[..., None], -jnp.inf, values)
