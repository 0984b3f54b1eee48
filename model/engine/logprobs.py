"""What a network thought when a token was drawn: how likely it was, and what else there was. Knows no text.

It is the network's own distribution, before temperature and filters: what they make of it follows from it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

TOP = 20
"""How many of the likeliest are told."""


class TokenLogprobs(NamedTuple):
    """Of one token: its log-probability in nats, the entropy of all in bits, and the likeliest ids with theirs."""

    token: int
    logprob: float
    entropy: float
    top: tuple[tuple[int, float], ...]


class LogprobArrays(NamedTuple):
    """The same of many, an array of `[B, T]` or `[B, T, TOP]` each."""

    logprob: jax.Array
    entropy: jax.Array
    top: jax.Array
    top_logprobs: jax.Array


def logprob_arrays(logits: jax.Array, drawn: jax.Array) -> LogprobArrays:
    """What `logits[B, T, V]` say of the tokens `drawn[B, T]` from them, and of the likeliest; TOP, or V if that is less."""
    logprobs = jax.nn.log_softmax(logits)
    entropy = -(jnp.exp(logprobs) * logprobs).sum(axis=-1) / jnp.log(2.0)
    likeliest, ids = jax.lax.top_k(logprobs, min(TOP, logits.shape[-1]))
    own = jnp.take_along_axis(logprobs, drawn[..., None], axis=-1)[..., 0]
    return LogprobArrays(own, entropy, ids, likeliest)


def token_logprobs(tokens: np.ndarray, looks: LogprobArrays) -> list[list[TokenLogprobs]]:
    """One a token of `tokens[B, T]`, a list a row."""
    arrays = [np.asarray(array).tolist() for array in looks]
    return [
        [
            TokenLogprobs(token, own, entropy, tuple(zip(ids, likeliest, strict=True)))
            for token, own, entropy, ids, likeliest in zip(row, *parts, strict=True)
        ]
        for row, *parts in zip(tokens.tolist(), *arrays, strict=True)
    ]
