"""The sLSTM of xLSTM (Beck et al. 2024, 2405.04517, section 2.2): an exponential gate, a normalizer and a stabilizer.

    i, f, z, o = split(x W_x + b + h W_h)
    c' = sigmoid(f) * c + exp(i) * tanh(z)     what the cell holds
    n' = sigmoid(f) * n + exp(i)               how much weight it holds it with
    h' = sigmoid(o) * c' / n'                  a weighted mean of all tanh(z) there were

An exponential input gate can outweigh everything that came before, which a sigmoid cannot. It also overflows, so c and n are
held divided by exp(m), which cancels in c / n:

    l = log(sigmoid(f)),  m' = max(l + m, i),  and exp(i - m'), exp(l + m - m') take the places of exp(i), sigmoid(f)

Neither is above 1. The paper's forget gate is a sigmoid or an exponential; this is the former, as its authors' code has.
Dense recurrent weights (one head) and no block around the cell, as in the other cells here.
"""

import jax
import jax.numpy as jnp

from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, vectorized


class SLSTM(RecurrentLM):
    """A language model of sLSTM layers; the carry is `(c, n, m, h)` a layer."""

    num_gates = 4
    carry_size = 4

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:
        """The equations above; `x[B, 4H]` holds x W_x + b, `r[B, 4H]` holds h W_h."""
        c, n, m, _ = carry
        i, f, z, o = map(vectorized, jnp.split(x + r, 4, axis=1))
        # n is 0 where a conversation begins: nothing is held yet, whose weight could be compared with i's.
        held = jax.nn.log_sigmoid(f) + m
        m_after = jnp.where(n > 0.0, jnp.maximum(held, i), i)
        taken, kept = jnp.exp(i - m_after), jnp.exp(jnp.minimum(held - m_after, 0.0))
        c = vectorized(kept * c + taken * jnp.tanh(z))
        n = kept * n + taken
        return c, n, m_after, jax.nn.sigmoid(o) * c / n

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """Zero, but 1 for the forget gate, as the LSTM's."""
        return jnp.zeros(4 * hidden_dim).at[hidden_dim : 2 * hidden_dim].set(1.0)
