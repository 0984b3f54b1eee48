"""The peephole LSTM (Gers and Schmidhuber 2000, "Recurrent nets that time and count"): gates that see the cell itself.

    i, f, g, o = split(x W_x + b + h W_h)
    i = sigmoid(i + p_i * c)     f = sigmoid(f + p_f * c)     gates look at what the cell holds, a weight a unit
    c' = f * c + i * tanh(g)
    o = sigmoid(o + p_o * c')                                 and this one at what it holds now
    h' = o * tanh(c')

An LSTM's gates see the cell only through h, which the output gate may have closed. The peepholes start at zero, where this is
the LSTM.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, Own, vectorized


class PeepholeLSTM(RecurrentLM):
    """A language model of peephole LSTM layers; the carry is `(c, h)` a layer."""

    num_gates = 4
    carry_size = 2

    def params(self, rngs: nnx.Rngs, hidden_dim: int) -> Own:  # noqa: ARG002 (zeros take no chance)
        """The peepholes of the input, forget and output gates, `[H]` each."""
        return {name: jnp.zeros(hidden_dim) for name in ("p_i", "p_f", "p_o")}

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry, own: Own) -> Carry:
        """The equations above; `x[B, 4H]` holds x W_x + b, `r[B, 4H]` holds h W_h."""
        c, _ = carry
        i, f, g, o = jnp.split(x + r, 4, axis=1)
        seen = jnp.concatenate([i + own["p_i"] * c, f + own["p_f"] * c], axis=1)
        i, f = jnp.split(vectorized(jax.nn.sigmoid(seen)), 2, axis=1)
        c = vectorized(f * c + i * jnp.tanh(vectorized(g)))
        return c, jax.nn.sigmoid(vectorized(o + own["p_o"] * c)) * jnp.tanh(c)

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """Zero, but 1 for the forget gate, as the LSTM's."""
        return jnp.zeros(4 * hidden_dim).at[hidden_dim : 2 * hidden_dim].set(1.0)
