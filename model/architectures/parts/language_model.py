"""The language model around a recurrent cell: embedding, layers of the cell, logits. Knows no cell's equations.

The cells share it, and a new one gets it by subclassing. A cell that is elementwise, which is fast, subclasses RecurrentLM;
one that multiplies by matrices of its own, StepLM (step_model.py). An architecture that is not a stack of cells implements
the contract (architectures/__init__.py) by itself.
"""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.batch_invariant import batch_invariant_matmul
from model.architectures.parts.dropout import DropoutKeys, embedding_mask, unit_mask, weight_drop
from model.architectures.parts.scan import Carry, Cell, MatmulDtype, Own, copied_transpose, matmul, scan, step
from model.config import ModelConfig
from model.tokenizer import BOS


class RecurrentLM(nnx.Module):
    """A recurrent language model; a subclass defines one step of its cell, and parameters of the cell's own if it has any."""

    decodes: ClassVar[bool] = True
    """Whether it writes token by token; one that does not is trained and compared only."""
    num_gates: ClassVar[int]
    """Width of the cell's gates, in units of `hidden_dim`."""
    carry_size: ClassVar[int]
    """Arrays in a layer's carry; the last one is the output h."""
    cell: ClassVar[Cell]
    """One step, elementwise: `x[B, G]` from the input with its bias, `r[B, G]` from h, and the carry of `[B, H]`.

    A cell with `params` gets those of its layer as a fourth argument.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        V, E, H = config.vocab_size, config.embed_dim, config.hidden_dim
        self.config = config
        self.embedding = nnx.Param(jax.random.normal(rngs.params(), (V, E))) if E else None
        self._add_layers(rngs)
        self.projection = nnx.Param(uniform(rngs, (H, E), H)) if config.tie_embeddings and E != H else None
        self.output = None if config.tie_embeddings else nnx.Param(uniform(rngs, (H, V), H))
        self.output_bias = nnx.Param(jnp.zeros(V))
        own = [self._own_params(rngs, layer) for layer in range(config.num_layers)]
        if own[0]:
            self.own = nnx.List([nnx.Dict({name: nnx.Param(array) for name, array in of.items()}) for of in own])

    def _add_layers(self, rngs: nnx.Rngs) -> None:
        """Draw the layers' weights: those of the input, biases, and the recurrent ones."""
        config = self.config
        V, E, H, G = config.vocab_size, config.embed_dim, config.hidden_dim, self.num_gates * config.hidden_dim
        # A row of a one-hot table is a whole input product, not one term of it: it starts as wide as such a product would be.
        first = uniform(rngs, (E, G), E) if E else 0.5 * jax.random.normal(rngs.params(), (V, G))
        rest = [uniform(rngs, (H, G), H) for _ in range(config.num_layers - 1)]
        self.inputs = nnx.List([nnx.Param(matrix) for matrix in (first, *rest)])
        self.biases = nnx.List([nnx.Param(self.initial_bias(H)) for _ in range(config.num_layers)])
        self.weights = nnx.List([nnx.Param(_orthogonal(rngs, H, self.num_gates)) for _ in range(config.num_layers)])

    def params(self, rngs: nnx.Rngs, hidden_dim: int) -> Own:  # noqa: ARG002
        """Draw one layer's parameters of the cell's own, vectors by name; none unless a subclass has some.

        JAX derives their gradient, and it is added up over the steps of a window.
        """
        return {}

    def _own_params(self, rngs: nnx.Rngs, layer: int) -> Own:  # noqa: ARG002
        return self.params(rngs, self.config.hidden_dim)

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """The gates' initial bias `[G]`."""
        return jnp.zeros(self.num_gates * hidden_dim)

    def initial_carry(self, batch_size: int) -> tuple[Carry, ...]:
        """The carry before the first token: zeros, a tuple of `[B, H]` for each layer."""
        shape, layers = (batch_size, self.config.hidden_dim), range(self.config.num_layers)
        return tuple(tuple(jnp.zeros(shape) for _ in range(self.carry_size)) for _ in layers)

    def __call__(
        self,
        tokens: jax.Array,
        carry: Sequence[Carry],
        *,
        noise: DropoutKeys | None = None,
        dtype: MatmulDtype = jnp.float32,
    ) -> tuple[jax.Array, tuple[Carry, ...]]:
        """Logits of the token after each of `tokens[B, T]`, and the carry to hand to the next call.

        Reading BOS empties the carry first, so windows may cut a stream of conversations anywhere. With `noise` (training)
        dropout is applied as configured, with the same masks at every step of the window. Matmuls use `dtype`.
        """
        if tokens.shape[1] == 1 and noise is None:
            hidden, carry_after = self._hidden_step(tokens, carry)
            return self._logits_step(hidden)[:, None], carry_after
        hidden, carry_after = self._hidden(tokens, carry, noise, dtype)
        return self._logits(hidden, dtype).swapaxes(0, 1), carry_after

    def _hidden(
        self, tokens: jax.Array, carry: Sequence[Carry], noise: DropoutKeys | None, dtype: MatmulDtype
    ) -> tuple[jax.Array, tuple[Carry, ...]]:
        """The top layer's outputs `[T, B, H]` over a window `tokens[B, T]`, and the carry after it."""
        config = self.config
        keep = (tokens.T != BOS).astype(jnp.float32)
        hidden = gates = self._input_gates(tokens.T, noise, dtype)
        last = []
        for layer, (weight, before) in enumerate(zip(self.weights, carry, strict=True)):
            here = noise.fold(layer) if noise else None
            if layer:
                gates = matmul(hidden, self.inputs[layer][...], dtype) + self.biases[layer][...]
            dropped = weight_drop(weight[...], here, config.weight_drop)
            hidden, after = scan(type(self).cell, gates, dropped, before, keep, dtype, self._own(layer))
            hidden = self._dropped(hidden, here, layer)
            last.append(after)
        return hidden, tuple(last)

    def _own(self, layer: int) -> tuple[Own, ...]:
        """The cell's own parameters in a layer, or nothing where it has none."""
        return ({name: param[...] for name, param in self.own[layer].items()},) if hasattr(self, "own") else ()

    def _dropped(self, hidden: jax.Array, here: DropoutKeys | None, layer: int) -> jax.Array:
        """A layer's outputs `[T, B, H]` with units dropped."""
        config = self.config
        is_top = layer == config.num_layers - 1
        mask = unit_mask(here, config.dropout if is_top else config.hidden_dropout, config.hidden_dim)
        return hidden if mask is None else hidden * mask

    def _hidden_step(self, tokens: jax.Array, carry: Sequence[Carry]) -> tuple[jax.Array, tuple[Carry, ...]]:
        """The top layer's output `[B, H]` for one token of each row, `tokens[B, 1]`, and the carry after it."""
        table, keep, ids = self.inputs[0][...], (tokens != BOS).astype(jnp.float32), tokens[:, 0]
        hidden = table[ids] if self.embedding is None else batch_invariant_matmul(self.embedding[...][ids], table)
        last = []
        for layer, (weight, before) in enumerate(zip(self.weights, carry, strict=True)):
            inputs = batch_invariant_matmul(hidden, self.inputs[layer][...]) if layer else hidden
            gates = inputs + self.biases[layer][...]
            kept = tuple(array * keep for array in before)
            last.append(step(type(self).cell, gates, weight[...], kept, self._own(layer)))
            hidden = last[-1][-1]
        return hidden, tuple(last)

    def _logits_step(self, hidden: jax.Array) -> jax.Array:
        """Logits `[B, V]` of `hidden[B, H]`."""
        if self.projection is not None:
            hidden = batch_invariant_matmul(hidden, self.projection[...])
        output = self.output[...] if self.output is not None else copied_transpose(self._tied().T)
        return batch_invariant_matmul(hidden, output) + self.output_bias[...]

    def _input_gates(self, tokens: jax.Array, noise: DropoutKeys | None, dtype: MatmulDtype) -> jax.Array:
        """The first layer's input gates with their bias `[T, B, G]`, of `tokens[T, B]`.

        Multiplying by a one-hot vector selects a row of the matrix; embeddings are all multiplied first, then selected.
        """
        config, table, bias = self.config, self.inputs[0][...], self.biases[0][...]
        here = noise.fold(config.num_layers) if noise else None
        units = unit_mask(here, config.input_dropout, config.embed_dim or config.vocab_size)
        token_mask = embedding_mask(here, config.embedding_dropout, config.vocab_size)
        if self.embedding is None:
            table = table if token_mask is None else table * token_mask[:, None]
            if units is None:
                return (table + bias)[tokens]
            factors = jnp.take_along_axis(units.T, tokens, axis=0)
            return table[tokens] * factors[..., None] + bias
        embedding = self.embedding[...] if token_mask is None else self.embedding[...] * token_mask[:, None]
        if units is None and tokens.size >= config.vocab_size:
            return (matmul(embedding, table, dtype) + bias)[tokens]
        # Few tokens, or a unit mask that differs from row to row: multiply each token's vector, not the whole table.
        vectors = embedding[tokens] if units is None else embedding[tokens] * units
        return matmul(vectors, table, dtype) + bias

    def _logits(self, hidden: jax.Array, dtype: MatmulDtype) -> jax.Array:
        """Logits `[T, B, V]` of the top layer's `hidden[T, B, H]`."""
        if self.output is not None:
            return matmul(hidden, self.output[...], dtype) + self.output_bias[...]
        if self.projection is not None:
            hidden = matmul(hidden, self.projection[...], dtype)
        return matmul(hidden, self._tied().T, dtype) + self.output_bias[...]

    def _tied(self) -> jax.Array:
        assert self.embedding is not None  # tying needs one
        return self.embedding[...]


def uniform(rngs: nnx.Rngs, shape: tuple[int, int], fan: int) -> jax.Array:
    """Draw an initial weight, uniform to +-1 / sqrt(`fan`), the number of inputs summed up."""
    return jax.random.uniform(rngs.params(), shape, minval=-(fan**-0.5), maxval=fan**-0.5)


def _orthogonal(rngs: nnx.Rngs, hidden_dim: int, gates: int) -> jax.Array:
    """An orthogonal matrix for each gate, side by side `[H, G]`: the recurrent matmul at first keeps the norm of h."""
    blocks = [jax.nn.initializers.orthogonal()(rngs.params(), (hidden_dim, hidden_dim)) for _ in range(gates)]
    return jnp.concatenate(blocks, axis=1)
