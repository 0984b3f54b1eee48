"""The LSTM, from its equations (Hochreiter and Schmidhuber 1997; the forget gate is Gers et al. 2000).

    i, f, g, o = split(x W_x + b + h W_h)        gates, from the input x and the last output h
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)   the cell keeps some of what it held and takes in some of what is new
    h' = sigmoid(o) * tanh(c')                   and shows some of it

One step sees one token. The length of a training window (`bptt_length`) is how far gradients reach back, and has nothing
to do with the number of cells: the same cell is used at every step.
Copy this file to try a cell of your own: give it a class, name it in architectures.py, and the contract tests run over it.
"""

import jax
import jax.numpy as jnp

from model.recurrence import Carry
from model.recurrent import RecurrentLM


class LSTM(RecurrentLM):
    """A language model of LSTM layers; the carry is `(c, h)` a layer."""

    num_gates = 4
    carry_size = 2

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:
        """The equations above; `x[B, 4H]` holds x W_x + b, `r[B, 4H]` holds h W_h."""
        i, f, g, o = jnp.split(x + r, 4, axis=-1)
        c, _ = carry
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return c, jax.nn.sigmoid(o) * jnp.tanh(c)

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """Zero, but 1 for the forget gate: a new network remembers (Jozefowicz et al. 2015)."""
        return jnp.zeros(4 * hidden_dim).at[hidden_dim : 2 * hidden_dim].set(1.0)
