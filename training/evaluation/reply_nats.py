"""Likelihoods of given replies after given contexts, many at once. Draws no samples."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from training.loop.optimizer import cross_entropy

ROWS, LENGTH_QUANTUM = 50, 64
"""Rows of a program, and its length in multiples of so many tokens."""


def reply_nats(
    model: LanguageModel,
    rows: Sequence[tuple[list[int], list[int]]],
    quantum: int = LENGTH_QUANTUM,
    progress: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Return -log p(reply | context) of each row of token ids, in nats.

    Programs read a multiple of `quantum` tokens; `progress` is called with the share that is done.
    """
    graph, params = nnx.split(model)
    read = jax.jit(partial(_row_nats, graph))
    nats = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda row: sum(map(len, rows[row])))
    for start in range(0, len(order), ROWS):
        numbers = order[start : start + ROWS]
        longest = sum(map(len, rows[numbers[-1]]))
        tokens = np.zeros((ROWS, quantum * -(-longest // quantum)), np.int32)
        counts = np.zeros(tokens.shape, np.float32)
        for row, number in enumerate(numbers):
            context, reply = rows[number]
            tokens[row, : len(context) + len(reply)] = context + reply
            counts[row, len(context) : len(context) + len(reply)] = 1.0
        nats[numbers] = np.asarray(read(params, tokens, counts))[: len(numbers)]
        progress(min(1.0, (start + ROWS) / len(order)))
    return nats


def _row_nats(graph: nnx.GraphDef[Any], params: Any, tokens_RxT: jax.Array, counts_RxT: jax.Array) -> jax.Array:
    model: Any = nnx.merge(graph, params)
    logits_RxTxV, _ = model(tokens_RxT, model.initial_carry(len(tokens_RxT)))
    nats_RxT = cross_entropy(logits_RxTxV[:, :-1], jnp.asarray(tokens_RxT)[:, 1:])
    return (nats_RxT * counts_RxT[:, 1:]).sum(axis=1)
