"""From logits to a token id: pure functions with an explicit key. Knows no text and no network."""

import jax
import jax.numpy as jnp


def sample(logits: jax.Array, key: jax.Array, seen: jax.Array, params: dict[str, jax.Array]) -> jax.Array:
    """One token id drawn from `logits[V]`; `seen[V]` is True for tokens that this reply already holds.

    `params` is SamplingParams.model_dump(), so that one compiled function serves every setting.
    """
    logits = penalize(logits, seen, params["repetition_penalty"])
    logits = min_p(top_p(top_k(logits, params["top_k"]), params["top_p"]), params["min_p"])
    temperature = params["temperature"]
    drawn = jax.random.categorical(key, logits / jnp.where(temperature > 0, temperature, 1.0))
    return jnp.where(temperature > 0, drawn, logits.argmax()).astype(jnp.int32)


def penalize(logits: jax.Array, seen: jax.Array, penalty: jax.Array) -> jax.Array:
    """Make tokens already in the reply less likely (CTRL: Keskar et al., 1909.05858, section 4.1)."""
    return jnp.where(seen, jnp.where(logits > 0, logits / penalty, logits * penalty), logits)


def top_k(logits: jax.Array, k: jax.Array) -> jax.Array:
    """Keep the k largest (and what equals the smallest of them); k = 0 keeps all."""
    size = logits.shape[-1]
    smallest = -jnp.sort(-logits)[jnp.where(k > 0, jnp.minimum(k, size), size) - 1]
    return jnp.where(logits < smallest, -jnp.inf, logits)


def top_p(logits: jax.Array, p: jax.Array) -> jax.Array:
    """Keep the fewest likeliest tokens that hold probability p together (Holtzman et al., 1904.09751); always one."""
    ordered = -jnp.sort(-logits)
    before = jnp.cumsum(jax.nn.softmax(ordered)) - jax.nn.softmax(ordered)
    smallest = jnp.min(jnp.where((before < p) | (p >= 1.0), ordered, jnp.inf))
    return jnp.where(logits < smallest, -jnp.inf, logits)


def min_p(logits: jax.Array, p: jax.Array) -> jax.Array:
    """Keep tokens at least p times as likely as the likeliest (Nguyen et al., 2407.01082)."""
    return jnp.where(logits < logits.max() + jnp.log(p), -jnp.inf, logits)
