"""The minLSTM (Feng et al., 2410.01201, section 3.2): a minGRU that takes in and forgets by two gates of their own.

    f = sigmoid(x W_f + b_f)    i = sigmoid(x W_i + b_i)    n = x W_n + b_n
    h_t = f / (f + i) h_{t-1} + i / (f + i) n         the shares add up to 1, so that h keeps its size over time

f / (f + i) = sigmoid(log f - log i), where log f and log i are softplus: nothing is divided by a small number.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.mingru import MinGRUMixer, memories
from model.architectures.parts.residual_lm import Mixer, ResidualLM


class MinLSTM(ResidualLM):
    """A language model of minLSTM blocks; the carry is `h[B, H]` a layer."""

    def mixer(self, rngs: nnx.Rngs) -> Mixer:
        """A minLSTM."""
        return MinLSTMMixer(self.config, rngs)


class MinLSTMMixer(MinGRUMixer):
    """The equations above."""

    num_gates = 3

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """The gates' initial bias: f over i is m in a unit that is to remember m steps, of which m / (1 + m) is kept.

        By i alone, as f would have to be above 1: sigmoid(0) / sigmoid(-log(2m - 1)) = 0.5 * 2m = m.
        """
        take = -jnp.log(2.0 * memories(hidden_dim) - 1.0)
        return jnp.concatenate([jnp.zeros(hidden_dim), take, jnp.zeros(hidden_dim)])

    def kept_and_new(self, gates: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The factor on h and the term that is added to it, of the gates' inputs `[..., G]`."""
        forget, take, new = jnp.split(gates, 3, axis=-1)
        log_ratio = jax.nn.softplus(-take) - jax.nn.softplus(-forget)
        return jax.nn.sigmoid(log_ratio), jax.nn.sigmoid(-log_ratio) * new
