"""Guidance and likelihoods, from logits after the conversation and after an empty one. Knows no carry and no text.

Context guidance is classifier-free guidance with the conversation as the condition (Sanchez et al., 2306.17806): what the
conversation makes likelier is made likelier still. What is computed here for a row has the same bits in any batch, as in
model/sampling.py: a fixed order of adding, and logarithms in float64 on the host.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from model.sampling import min_p
from model.tokenizer import NUM_SPECIAL


def guided_logits(logits_2xBxV: jax.Array, guidance_B: jax.Array) -> jax.Array:
    """Move the first logits away from the second, those without the conversation, by `guidance_B` times the difference.

    0 moves nothing. A reply ends as likely as without guidance, which makes replies longer than the person's otherwise
    (experiments/LOG.md).
    """
    # Barriers: one fused loop in every program, whose multiply and add are contracted alike.
    logits_BxV, unconditional_BxV = jax.lax.optimization_barrier((logits_2xBxV[0], logits_2xBxV[1]))
    guided_BxV = logits_BxV + guidance_B[:, None] * (logits_BxV - unconditional_BxV)
    guided_BxV = jax.lax.optimization_barrier(guided_BxV)
    (highest_Bx1, sum_Bx1), (network_highest_Bx1, network_sum_Bx1) = map(_mass_of_text, (guided_BxV, logits_BxV))
    # As wide as V: the logarithm of so many rows alone would depend on how many there are.
    grown_BxV = jax.lax.optimization_barrier(jnp.broadcast_to(sum_Bx1 / network_sum_Bx1, logits_BxV.shape))
    ends_BxV = logits_BxV + (highest_Bx1 - network_highest_Bx1) + jnp.log(grown_BxV)
    is_end_V = jnp.arange(logits_BxV.shape[-1]) < NUM_SPECIAL
    return jnp.asarray(jax.lax.optimization_barrier(jnp.where(is_end_V, ends_BxV, guided_BxV)))


def uncut(guided_BxV: jax.Array, network_BxV: jax.Array, min_p_B: Any) -> jax.Array:
    """Cut what min-p cuts of the network's own logits: guidance chooses among what the person may say."""
    return jnp.where(jnp.isfinite(min_p(network_BxV, min_p_B)), guided_BxV, -jnp.inf)


def _mass_of_text(logits_BxV: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The highest logit of all but special tokens, and the sum of their weights beside it, `[B, 1]` each."""
    text_BxV = logits_BxV[:, NUM_SPECIAL:]
    highest_Bx1 = text_BxV.max(axis=-1, keepdims=True)
    return highest_Bx1, jnp.cumsum(jnp.exp(text_BxV - highest_Bx1), axis=-1)[:, -1:]


def likelihood_terms(logits_BxV: jax.Array, tokens_B: jax.Array) -> jax.Array:
    """What `token_log_likelihoods` needs of each of `tokens_B`: logit, weight and sum of all weights, `[B, 3]`."""
    logits_BxV = logits_BxV - logits_BxV.max(axis=-1, keepdims=True)
    weights_BxV = jnp.exp(logits_BxV)
    is_end_B = tokens_B < NUM_SPECIAL
    of_token_B = jnp.take_along_axis(logits_BxV, tokens_B[:, None], axis=-1)[:, 0]
    of_end_B = sum((weights_BxV[:, token] for token in range(1, NUM_SPECIAL)), start=weights_BxV[:, 0])
    total_B = jnp.cumsum(weights_BxV, axis=-1)[:, -1]
    return jnp.stack([jnp.where(is_end_B, 0.0, of_token_B), jnp.where(is_end_B, of_end_B, 1.0), total_B], axis=-1)


def token_log_likelihoods(terms: np.ndarray) -> np.ndarray:
    """Log-probabilities in nats, in float64, of tokens with `terms[..., 3]`, under the network's own distribution.

    A special token ends the reply, whichever it is: its log-probability is that of any of them.
    """
    logit, weight, total = np.moveaxis(terms.astype(np.float64), -1, 0)
    return np.asarray(logit + np.log(np.maximum(weight, np.finfo(np.float32).tiny)) - np.log(total))
