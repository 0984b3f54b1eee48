"""The LSTM with layer normalization (Ba, Kiros and Hinton 2016, 1607.06450, equations 20 to 22).

    i, f, g, o = split(norm(h W_h) * a_h + norm(x W_x + b) * a_x + s)
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(norm(c') * a_c + s_c)

norm(v) subtracts the mean of v's units and divides by their standard deviation: of one row and one step, so that nothing
depends on the batch or on the length of a text. The gains a start at 1, the shifts s at 0 but for the forget gate's, at 1.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.batch_invariant import batch_invariant_sum
from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, Own, vectorized

EPSILON = 1e-5
"""Added to variances, so that units that are all alike are not divided by zero; 1e-5 as PyTorch's LayerNorm."""


class LayerNormLSTM(RecurrentLM):
    """A language model of layer-normalized LSTM layers; the carry is `(c, h)` a layer."""

    num_gates = 4
    carry_size = 2

    def params(self, rngs: nnx.Rngs, hidden_dim: int) -> Own:  # noqa: ARG002 (ones and zeros take no chance)
        """Gains and shifts: `[4H]` of the gates, `[H]` of the cell."""
        G, H = 4 * hidden_dim, hidden_dim
        shift = jnp.zeros(G).at[H : 2 * H].set(1.0)  # a new network remembers, as in lstm.py
        return {"a_h": jnp.ones(G), "a_x": jnp.ones(G), "s": shift, "a_c": jnp.ones(H), "s_c": jnp.zeros(H)}

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry, own: Own) -> Carry:
        """The equations above; `x[B, 4H]` holds x W_x + b, `r[B, 4H]` holds h W_h."""
        c, _ = carry
        gates = vectorized(_norm(r) * own["a_h"]) + vectorized(_norm(x) * own["a_x"]) + own["s"]
        # Before they are split: of parts of a row, XLA may compute other bits than of the whole, and not in all batches.
        opened, new = vectorized(jax.nn.sigmoid(gates)), vectorized(jnp.tanh(gates))
        i, f, _, o = jnp.split(opened, 4, axis=1)
        c = vectorized(f * c + i * jnp.split(new, 4, axis=1)[2])
        return c, o * vectorized(jnp.tanh(vectorized(_norm(c) * own["a_c"]) + own["s_c"]))


def _norm(units: jax.Array) -> jax.Array:
    """Each row of `units[B, N]` with mean 0 and variance 1.

    The sums are in a fixed order: in that of `units.mean(axis=1)`, a row would have other bits in other batches. So it would
    where XLA fuses a division with what comes after it, which `vectorized` keeps it from.
    """
    centred = vectorized(units - vectorized(batch_invariant_sum(units)[:, None] / units.shape[1]))
    variance = vectorized(batch_invariant_sum(centred * centred)[:, None] / units.shape[1])
    return centred / vectorized(jnp.sqrt(variance + EPSILON))  # exact for one row and for many, which rsqrt is not
