"""The plain recurrent network (Elman 1990): `h' = tanh(x W_x + b + h W_h)`."""

import jax
import jax.numpy as jnp

from model.architectures.parts.language_model import RecurrentLM
from model.architectures.parts.scan import Carry


class RNN(RecurrentLM):
    """A language model of tanh layers; the carry is `(h,)` a layer."""

    num_gates = 1
    carry_size = 1

    @staticmethod
    def cell(x: jax.Array, r: jax.Array, carry: Carry) -> Carry:  # noqa: ARG004 (r already holds h W_h)
        """One step: h' = tanh(x + r)."""
        return (jnp.tanh(x + r),)
