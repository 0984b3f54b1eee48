"""The LSTM, from its equations (Hochreiter and Schmidhuber 1997; the forget gate is Gers et al. 2000).

    i, f, g, o = split(x W_x + b + h W_h)        gates, from the input x and the last output h
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)   the cell keeps some of what it held and takes in some of what is new
    h' = sigmoid(o) * tanh(c')                   and shows some of it

One step sees one token. The length of a training window (`bptt_length`) is how far gradients reach back, and has nothing
to do with the number of cells: the same cell is used at every step.
To try a cell of your own, copy gru.py: JAX derives that gradient by itself. Here it is written out, because this is the cell
nearly everybody trains (docs/contributing.md, "Add a cell").
"""

from typing import Any

import jax
import jax.numpy as jnp

from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, vectorized


class LSTM(RecurrentLM):
    """A language model of LSTM layers; the carry is `(c, h)` a layer."""

    num_gates = 4
    carry_size = 2

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:
        """The equations above; `x[B, 4H]` holds x W_x + b, `r[B, 4H]` holds h W_h."""
        after: Carry = _cell(x, r, carry)
        return after

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """Zero, but 1 for the forget gate: a new network remembers (Jozefowicz et al. 2015)."""
        return jnp.zeros(4 * hidden_dim).at[hidden_dim : 2 * hidden_dim].set(1.0)


@jax.custom_vjp
def _cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:
    return _forward(x, r, carry)[0]


def _forward(x: jax.Array, r: jax.Array, carry: Carry) -> tuple[Carry, Any]:
    """The step, keeping what its gradient needs: the gates' tanh, c before and tanh of c after.

    sigmoid(z) = (1 + tanh(z / 2)) / 2, so that all four gates are one tanh of one block.
    """
    c, _ = carry
    halves = jnp.repeat(jnp.asarray([0.5, 0.5, 1.0, 0.5]), c.shape[1])
    gates = vectorized(jnp.tanh(halves * (x + r)))
    i, f, g, o = jnp.split(gates, 4, axis=1)
    c_after = vectorized(_opened(f) * c + _opened(i) * g)
    shown = vectorized(jnp.tanh(c_after))
    return (c_after, _opened(o) * shown), (gates, c, shown)


def _backward(residuals: Any, d_carry: Carry) -> tuple[jax.Array, jax.Array, Carry]:
    gates, c, shown = residuals
    d_c, d_h = d_carry
    i, f, g, o = jnp.split(gates, 4, axis=1)
    d_c = d_c + d_h * _opened(o) * (1.0 - shown * shown)
    d_i, d_f = d_c * g * _opening(i), d_c * c * _opening(f)
    d_g, d_o = d_c * _opened(i) * (1.0 - g * g), d_h * shown * _opening(o)
    d_gates = jnp.concatenate([d_i, d_f, d_g, d_o], axis=1)
    return d_gates, d_gates, (d_c * _opened(f), jnp.zeros_like(d_h))


_cell.defvjp(_forward, _backward)


def _opened(tanh: jax.Array) -> jax.Array:
    """sigmoid(z), given tanh(z / 2)."""
    return 0.5 * tanh + 0.5


def _opening(tanh: jax.Array) -> jax.Array:
    """The derivative of sigmoid at z, given tanh(z / 2)."""
    return 0.25 * (1.0 - tanh * tanh)
