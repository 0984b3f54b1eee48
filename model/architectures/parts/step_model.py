"""The language model around a cell that is a whole step: its layers own nothing but what the cell draws in `params`."""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.dropout import DropoutKeys, embedding_mask, unit_mask, weight_drop
from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, MatmulDtype, Own
from model.architectures.parts.step_scan import decode_step, scan_steps
from model.errors import DannError
from model.tokenizer import BOS


class StepLM(RecurrentLM):
    """A recurrent language model whose cell is a whole step: `step` gets a layer's input and multiplies by itself.

    A subclass draws every weight of a layer in `params(rngs, hidden_dim, input_dim)`. `input_dim` is the embedding's width
    for the first layer (`hidden_dim` where the settings have no embedding: a token's row is learned all the same), and
    `hidden_dim` for the others. Matrices come to `step` as Weights (step_scan.py): `x @ own["name"]`. Use this only where a
    cell must multiply by itself: RecurrentLM's matmul of the inputs is one for all steps, and faster.
    """

    num_gates: ClassVar[int] = 0
    recurrent: ClassVar[tuple[str, ...]] = ()
    """The matrices that multiply h: those that `model.weight_drop` drops connections of."""

    @staticmethod
    def step(x: jax.Array, carry: Carry, own: Own) -> Carry:
        """One step: `x[B, input_dim]`, the carry of `[B, H]`, and the layer's parameters."""
        raise NotImplementedError

    def params(self, rngs: nnx.Rngs, hidden_dim: int, input_dim: int = 0) -> Own:
        """Draw one layer's parameters."""
        raise NotImplementedError

    def _add_layers(self, rngs: nnx.Rngs) -> None:
        config = self.config
        if config.weight_drop and not self.recurrent:
            raise DannError(
                f"model.weight_drop {config.weight_drop:g}: {config.architecture} names no recurrent matrices; set it to 0, "
                "or name them in `recurrent`"
            )
        self._input_dim = config.embed_dim or config.hidden_dim
        if not config.embed_dim:
            self.table = nnx.Param(jax.random.normal(rngs.params(), (config.vocab_size, self._input_dim)))

    def _own_params(self, rngs: nnx.Rngs, layer: int) -> Own:
        return self.params(rngs, self.config.hidden_dim, self.config.hidden_dim if layer else self._input_dim)

    def _hidden(
        self, tokens: jax.Array, carry: Sequence[Carry], noise: DropoutKeys | None, dtype: MatmulDtype
    ) -> tuple[jax.Array, tuple[Carry, ...]]:
        config = self.config
        keep = (tokens.T != BOS).astype(jnp.float32)
        here = noise.fold(config.num_layers) if noise else None
        token_mask = embedding_mask(here, config.embedding_dropout, config.vocab_size)
        rows = self._rows() if token_mask is None else self._rows() * token_mask[:, None]
        units = unit_mask(here, config.input_dropout, self._input_dim)
        hidden = rows[tokens.T] if units is None else rows[tokens.T] * units
        last = []
        for layer, before in enumerate(carry):
            here = noise.fold(layer) if noise else None
            (own,) = self._own(layer)
            own |= {name: weight_drop(own[name], here, config.weight_drop) for name in self.recurrent}
            hidden, after = scan_steps(type(self).step, hidden, own, before, keep, dtype)
            hidden = self._dropped(hidden, here, layer)
            last.append(after)
        return hidden, tuple(last)

    def _hidden_step(self, tokens: jax.Array, carry: Sequence[Carry]) -> tuple[jax.Array, tuple[Carry, ...]]:
        keep, hidden = (tokens != BOS).astype(jnp.float32), self._rows()[tokens[:, 0]]
        last = []
        for layer, before in enumerate(carry):
            (own,) = self._own(layer)
            last.append(decode_step(type(self).step, hidden, tuple(array * keep for array in before), own))
            hidden = last[-1][-1]
        return hidden, tuple(last)

    def _rows(self) -> jax.Array:
        """The first layer's input of each token `[V, input_dim]`."""
        return self.embedding[...] if self.embedding is not None else self.table[...]
