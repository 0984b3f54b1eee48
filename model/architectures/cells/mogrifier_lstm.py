"""The Mogrifier LSTM (Melis, Kocisky and Blunsom 2019, 1909.01792): x and h gate each other before the LSTM reads them.

    x = 2 sigmoid(h Q_1) * x      h = 2 sigmoid(x R_1) * h      x = 2 sigmoid(h Q_2) * x      ...    ROUNDS of them in turn
    i, f, g, o = split(x W_x + h W_h + b)                       then an LSTM's step of both
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h' = sigmoid(o) * tanh(c')

So a token means something else after other tokens, before the LSTM's matrix reads it. Because of the 2, a gate whose matmul
is zero changes nothing. The matmuls of a round need those of the round before it: the cell is a whole step (StepLM).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.language_model import uniform
from model.architectures.parts.scan import Carry, Own, vectorized
from model.architectures.parts.step_model import StepLM

ROUNDS = 5
"""The paper's best number on most of its data sets; three of them gate x, two gate h."""


class MogrifierLSTM(StepLM):
    """A language model of Mogrifier LSTM layers; the carry is `(c, h)` a layer."""

    carry_size = 2
    recurrent = ("w_h",)

    def params(self, rngs: nnx.Rngs, hidden_dim: int, input_dim: int = 0) -> Own:
        """The LSTM's two matrices and bias, and a matrix a round: `q` from h to x, `r` from x to h."""
        X, H = input_dim, hidden_dim
        orthogonal = [jax.nn.initializers.orthogonal()(rngs.params(), (H, H)) for _ in range(4)]
        own = {
            "w_x": uniform(rngs, (X, 4 * H), X),
            "w_h": jnp.concatenate(orthogonal, axis=1),
            "bias": jnp.zeros(4 * H).at[H : 2 * H].set(1.0),
        }
        for number in range(1, ROUNDS + 1):
            name, shape = (f"q_{number}", (H, X)) if number % 2 else (f"r_{number}", (X, H))
            own[name] = uniform(rngs, shape, shape[0])
        return own

    @staticmethod
    def step(x: jax.Array, carry: Carry, own: Own) -> Carry:
        """The equations above; `x[B, X]` is the layer's input."""
        c, h = carry
        for number in range(1, ROUNDS + 1):
            if number % 2:
                x = 2.0 * jax.nn.sigmoid(h @ own[f"q_{number}"]) * x
            else:
                h = 2.0 * jax.nn.sigmoid(x @ own[f"r_{number}"]) * h
        i, f, g, o = map(vectorized, jnp.split(x @ own["w_x"] + h @ own["w_h"] + own["bias"], 4, axis=1))
        c = vectorized(jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g))
        return c, jax.nn.sigmoid(o) * jnp.tanh(c)
