"""Log-probabilities of generated tokens, the entropy at each, and the likeliest alternatives. Knows no text.

They are of the network's own distribution, before temperature and filters: the distribution after those follows from it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

TOP = 20
"""How many of the likeliest tokens are reported."""


class TokenLogprobs(NamedTuple):
    """For one token: its log-probability in nats, the entropy in bits, and the likeliest ids with their log-probabilities.

    Where `withheld`, the figures are 0 and there are no alternatives: one of them is guarded (guarded.py).
    """

    token: int
    logprob: float
    entropy: float
    top: tuple[tuple[int, float], ...]
    withheld: bool = False


class LogprobArrays(NamedTuple):
    """Log-probabilities, entropies and likeliest tokens of many tokens, an array of `[B, T]` or `[B, T, TOP]` each."""

    logprob: jax.Array
    entropy: jax.Array
    top: jax.Array
    top_logprobs: jax.Array


def logprob_arrays(logits: jax.Array, tokens: jax.Array) -> LogprobArrays:
    """Score `tokens[B, T]` and the TOP likeliest (V, if that is less) by the `logits[B, T, V]` they were sampled from."""
    logprobs = jax.nn.log_softmax(logits)
    entropy = -(jnp.exp(logprobs) * logprobs).sum(axis=-1) / jnp.log(2.0)
    likeliest, ids = jax.lax.top_k(logprobs, min(TOP, logits.shape[-1]))
    of_tokens = jnp.take_along_axis(logprobs, tokens[..., None], axis=-1)[..., 0]
    return LogprobArrays(of_tokens, entropy, ids, likeliest)


def token_logprobs(tokens: np.ndarray, arrays: LogprobArrays) -> list[list[TokenLogprobs]]:
    """A TokenLogprobs for each of `tokens[B, T]`, a list for each row."""
    columns = [np.asarray(array).tolist() for array in arrays]
    return [
        [
            TokenLogprobs(token, logprob, entropy, tuple(zip(ids, likeliest, strict=True)))
            for token, logprob, entropy, ids, likeliest in zip(row, *parts, strict=True)
        ]
        for row, *parts in zip(tokens.tolist(), *columns, strict=True)
    ]
