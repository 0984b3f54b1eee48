"""Each cell in float64 NumPy, written from its equations and not from our code: the reference for parity.

A new cell is tried without one: JAX checks its gradient (test_cells.py). A cell that is to stay has its function here and its
line in CELLS.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.model.architectures.networks import WINDOW

Array = np.ndarray[Any, np.dtype[np.float64]]
Own = Mapping[str, Array]
"""A layer's recurrent weight, as "weights", and what its cell owns, by name."""


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def lstm(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    c, h = state
    i, f, g, o = np.split(x + h @ own["weights"], 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o) * np.tanh(c)


def gru(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    (h,) = state
    z, r, n = np.split(x, 3, axis=-1)
    zh, rh, nh = np.split(h @ own["weights"], 3, axis=-1)
    update, reset = sigmoid(z + zh), sigmoid(r + rh)
    return (update * h + (1 - update) * np.tanh(n + reset * nh),)


def rnn(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    (h,) = state
    return (np.tanh(x + h @ own["weights"]),)


def peephole_lstm(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    c, h = state
    i, f, g, o = np.split(x + h @ own["weights"], 4, axis=-1)
    now = sigmoid(f + own["p_f"] * c) * c + sigmoid(i + own["p_i"] * c) * np.tanh(g)
    return now, sigmoid(o + own["p_o"] * now) * np.tanh(now)


def normalized(v: Array) -> Array:
    out: Array = (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-5)
    return out


def layer_norm_lstm(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    c, h = state
    gates = own["a_h"] * normalized(h @ own["weights"]) + own["a_x"] * normalized(x) + own["s"]
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o) * np.tanh(own["a_c"] * normalized(c) + own["s_c"])


def mogrifier_lstm(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    c, h = state
    x = 2 * sigmoid(h @ own["q_1"]) * x
    h = 2 * sigmoid(x @ own["r_2"]) * h
    x = 2 * sigmoid(h @ own["q_3"]) * x
    h = 2 * sigmoid(x @ own["r_4"]) * h
    x = 2 * sigmoid(h @ own["q_5"]) * x
    i, f, g, o = np.split(x @ own["w_x"] + h @ own["w_h"] + own["bias"], 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o) * np.tanh(c)


def slstm(x: Array, state: tuple[Array, ...], own: Own) -> tuple[Array, ...]:
    """Without a stabilizer, which changes what is held and not what comes of it; m is not used."""
    c, n, m, h = state
    i, f, z, o = np.split(x + h @ own["weights"], 4, axis=-1)
    c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
    n = sigmoid(f) * n + np.exp(i)
    return c, n, m, sigmoid(o) * c / n


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


CELLS = {
    "lstm": (lstm, 2),
    "lstm_attention": (lstm, 2),
    "gru": (gru, 1),
    "rnn": (rnn, 1),
    "layer_norm_lstm": (layer_norm_lstm, 2),
    "mogrifier_lstm": (mogrifier_lstm, 2),
    "peephole_lstm": (peephole_lstm, 2),
    "slstm": (slstm, 4),
}
"""By the name in config.toml: the step, and how many arrays its carry has."""


def own_of(weights: Mapping[str, Array], layer: int) -> Own:
    prefix = f"own.{layer}."
    own = {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
    shared = f"weights.{layer}"
    return own | ({"weights": weights[shared]} if shared in weights else {})


def logits(architecture: str, weights: Mapping[str, Array], tokens: Any, hidden_dim: int, layers: int) -> Array:
    """Logits `[B, T, V]` of a whole sequence from the empty carry; token 0 empties it again."""
    cell, arrays = CELLS[architecture]
    batch, length = tokens.shape
    states = [tuple(np.zeros((batch, hidden_dim)) for _ in range(arrays)) for _ in range(layers)]
    owns = [own_of(weights, layer) for layer in range(layers)]
    rows = []
    for t in range(length):
        keep = (tokens[:, t] != 0)[:, None]
        rows_VxX = (
            weights["embedding"]
            if "embedding" in weights
            else weights.get("table", np.eye(len(weights["output_bias"])))
        )
        now = rows_VxX[tokens[:, t]]
        for layer in range(layers):
            if f"inputs.{layer}" in weights:  # a cell that is a whole step reads its inputs as they are
                now = now @ weights[f"inputs.{layer}"] + weights[f"biases.{layer}"]
            before = tuple(array * keep for array in states[layer])
            states[layer] = cell(now, before, owns[layer])
            now = states[layer][-1]
        rows.append(states[-1][-1])
    hidden = np.stack(rows, axis=1)
    if "query" in weights:
        hidden = attended(hidden, tokens, weights)
    if "projection" in weights:
        hidden = hidden @ weights["projection"]
    output = weights.get("output", weights["embedding"].T if "embedding" in weights else None)
    return hidden @ output + weights["output_bias"]
