"""Each cell in float64 NumPy, written from its equations and not from our code: the reference for parity.

A new cell is tried without one; the tests that need it are skipped and say so. A cell that is to stay has its function here
and its line in CELLS.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.model.architectures.networks import WINDOW

Array = np.ndarray[Any, np.dtype[np.float64]]


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def lstm(x: Array, state: tuple[Array, ...], w: Array) -> tuple[Array, ...]:
    c, h = state
    i, f, g, o = np.split(x + h @ w, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o) * np.tanh(c)


def gru(x: Array, state: tuple[Array, ...], w: Array) -> tuple[Array, ...]:
    (h,) = state
    z, r, n = np.split(x, 3, axis=-1)
    zh, rh, nh = np.split(h @ w, 3, axis=-1)
    update, reset = sigmoid(z + zh), sigmoid(r + rh)
    return (update * h + (1 - update) * np.tanh(n + reset * nh),)


def rnn(x: Array, state: tuple[Array, ...], w: Array) -> tuple[Array, ...]:
    (h,) = state
    return (np.tanh(x + h @ w),)


def attended(hidden: Array, tokens: Any, weights: Mapping[str, Array]) -> Array:
    """`hidden[B, T, H]` with what the head finds added: over the tokens of the conversation, WINDOW of them at most."""
    query, key, value = (hidden @ weights[name] for name in ("query", "key", "value"))
    found = np.zeros_like(value)
    for row, t in np.ndindex(*tokens.shape):
        begun = max((s for s in range(t + 1) if tokens[row, s] == 0), default=0)
        seen = slice(max(begun, t - WINDOW + 1), t + 1)
        scores = key[row, seen] @ query[row, t] / np.sqrt(key.shape[-1])
        shares = np.exp(scores - scores.max())
        found[row, t] = shares @ value[row, seen] / shares.sum()
    return hidden + found @ weights["mix"]


CELLS = {"lstm": (lstm, 2), "lstm_attention": (lstm, 2), "gru": (gru, 1), "rnn": (rnn, 1)}
"""By the name in config.toml: the step, and how many arrays its carry has."""


def logits(architecture: str, weights: Mapping[str, Array], tokens: Any, hidden_dim: int, layers: int) -> Array:
    """Logits `[B, T, V]` of a whole sequence from the empty carry; token 0 empties it again."""
    cell, arrays = CELLS[architecture]
    batch, length = tokens.shape
    states = [tuple(np.zeros((batch, hidden_dim)) for _ in range(arrays)) for _ in range(layers)]
    rows = []
    for t in range(length):
        keep = (tokens[:, t] != 0)[:, None]
        now = (
            weights["embedding"][tokens[:, t]] @ weights["inputs.0"]
            if "embedding" in weights
            else weights["inputs.0"][tokens[:, t]]
        )
        for layer in range(layers):
            if layer:
                now = states[layer - 1][-1] @ weights[f"inputs.{layer}"]
            before = tuple(array * keep for array in states[layer])
            states[layer] = cell(now + weights[f"biases.{layer}"], before, weights[f"weights.{layer}"])
        rows.append(states[-1][-1])
    hidden = np.stack(rows, axis=1)
    if "query" in weights:
        hidden = attended(hidden, tokens, weights)
    if "projection" in weights:
        hidden = hidden @ weights["projection"]
    output = weights.get("output", weights["embedding"].T if "embedding" in weights else None)
    return hidden @ output + weights["output_bias"]
