"""The GRU (Cho et al. 2014, 1406.1078), with the reset gate applied after the matmul, as in cuDNN.

z, r, n = the input's three parts;  z_h, r_h, n_h = the recurrent matmul's
z = sigmoid(z + z_h)                  how much of the old output stays
r = sigmoid(r + r_h)                  how much of it the new candidate sees
h' = z * h + (1 - z) * tanh(n + r * n_h)
"""

import jax
import jax.numpy as jnp

from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry, vectorized


class GRU(RecurrentLM):
    """A language model of GRU layers; the carry is `(h,)` a layer."""

    num_gates = 3
    carry_size = 1

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:
        """The equations above; `x[B, 3H]` from the input, `r[B, 3H]` the recurrent matmul."""
        (h,) = carry
        H = h.shape[1]
        update, reset = jnp.split(vectorized(jax.nn.sigmoid(x[:, : 2 * H] + r[:, : 2 * H])), 2, axis=1)
        candidate = jnp.tanh(vectorized(x[:, 2 * H :] + reset * r[:, 2 * H :]))
        return (update * h + (1.0 - update) * candidate,)
