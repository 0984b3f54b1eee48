"""The language model around a recurrent cell: rows in, layers of the cell, logits out. Knows no cell's equations.

Built of three parts that the cells in lstm.py, gru.py and rnn.py share, and that a new cell gets by subclassing.
An architecture that is not a stack of cells implements the contract (architectures.py) by itself.
"""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from model.config import ModelConfig
from model.recurrence import Carry, scan
from model.tokenizer import BOS


class RecurrentLM(nnx.Module):
    """tokens `[B, T]` and a carry in, logits `[B, T, V]` and the carry out; a subclass says what one step of a cell does."""

    num_gates: ClassVar[int]
    """Width of the cell's gates, in units of `hidden_dim`."""
    carry_size: ClassVar[int]
    """Arrays in a layer's carry; the last one is the output h."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        V, E, H, G = config.vocab_size, config.embed_dim, config.hidden_dim, self.num_gates * config.hidden_dim
        self.config = config
        self.embedding = nnx.Param(jax.random.normal(rngs.params(), (V, E))) if E else None
        # A one-hot row is a whole input product, not a summand of one: it starts as wide as such a product would be.
        first = _uniform(rngs, (E, G), E) if E else 0.5 * jax.random.normal(rngs.params(), (V, G))
        rest = [_uniform(rngs, (H, G), H) for _ in range(config.num_layers - 1)]
        self.inputs = nnx.List([nnx.Param(matrix) for matrix in (first, *rest)])
        self.biases = nnx.List([nnx.Param(self.initial_bias(H)) for _ in range(config.num_layers)])
        self.weights = nnx.List([nnx.Param(_orthogonal(rngs, H, self.num_gates)) for _ in range(config.num_layers)])
        self.projection = nnx.Param(_uniform(rngs, (H, E), H)) if config.tie_embeddings and E != H else None
        self.output = None if config.tie_embeddings else nnx.Param(_uniform(rngs, (H, V), H))
        self.output_bias = nnx.Param(jnp.zeros(V))

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:
        """One step, elementwise: `x[B, G]` from the input with its bias, `r[B, G] = h @ weight`, and the carry."""
        raise NotImplementedError

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """The gates' first bias `[G]`."""
        return jnp.zeros(self.num_gates * hidden_dim)

    def initial_carry(self, batch_size: int) -> tuple[Carry, ...]:
        """The carry of a network that has read nothing: zeros, a tuple of `[B, H]` a layer."""
        shape, layers = (batch_size, self.config.hidden_dim), range(self.config.num_layers)
        return tuple(tuple(jnp.zeros(shape) for _ in range(self.carry_size)) for _ in layers)

    def __call__(
        self, tokens: jax.Array, carry: Sequence[Carry], *, dropout_key: jax.Array | None = None
    ) -> tuple[jax.Array, tuple[Carry, ...]]:
        """Logits of the token after each of `tokens[B, T]`, and the carry to hand to the next call.

        Reading BOS empties the carry first, so windows may cut a stream of conversations anywhere. With a `dropout_key`
        (training) units are dropped between layers and before the output, the same ones at every step of the window.
        """
        keep = (tokens.T != BOS).astype(jnp.float32)
        hidden = rows = self._rows(tokens.T)
        last = []
        for layer, (weight, before) in enumerate(zip(self.weights, carry, strict=True)):
            gates = hidden @ self.inputs[layer][...] if layer else rows
            hidden, after = scan(type(self).cell, gates + self.biases[layer][...], weight[...], tuple(before), keep)
            hidden = _locked_dropout(hidden, self.config.dropout, dropout_key, layer)
            last.append(after)
        return self._logits(hidden).swapaxes(0, 1), tuple(last)

    def _rows(self, tokens: jax.Array) -> jax.Array:
        """The first layer's input product for `tokens[T, B]`: multiplying a one-hot vector is choosing a row."""
        table = self.inputs[0][...]
        if self.embedding is None:
            return table[tokens]
        if tokens.size < self.config.vocab_size:  # few tokens (decoding): cheaper than the product of the whole table
            return self.embedding[...][tokens] @ table
        return (self.embedding[...] @ table)[tokens]

    def _logits(self, hidden: jax.Array) -> jax.Array:
        if self.output is not None:
            return hidden @ self.output[...] + self.output_bias[...]
        if self.projection is not None:
            hidden = hidden @ self.projection[...]
        assert self.embedding is not None  # tying needs one
        return hidden @ self.embedding[...].T + self.output_bias[...]


def _locked_dropout(hidden: jax.Array, rate: float, key: jax.Array | None, layer: int) -> jax.Array:
    """Drop the same units at every step of `hidden[T, B, H]` (variational dropout: Gal and Ghahramani, 1512.05287)."""
    if key is None or rate == 0.0:
        return hidden
    kept = jax.random.bernoulli(jax.random.fold_in(key, layer), 1.0 - rate, hidden.shape[1:])
    return hidden * (kept / (1.0 - rate))


def _uniform(rngs: nnx.Rngs, shape: tuple[int, int], fan: int) -> jax.Array:
    return jax.random.uniform(rngs.params(), shape, minval=-(fan**-0.5), maxval=fan**-0.5)


def _orthogonal(rngs: nnx.Rngs, hidden_dim: int, gates: int) -> jax.Array:
    """One orthogonal matrix a gate, side by side `[H, G]`: the recurrent product neither grows nor shrinks h at first."""
    blocks = [jax.nn.initializers.orthogonal()(rngs.params(), (hidden_dim, hidden_dim)) for _ in range(gates)]
    return jnp.concatenate(blocks, axis=1)
