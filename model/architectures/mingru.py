"""The minGRU (Feng et al., 2410.01201): a GRU whose gates look at the input alone, so that all steps run at once.

    z = sigmoid(x W_z + b_z)         how much of what is new is taken in; a GRU also asks what it held before
    n = x W_n + b_n                  what is new, without a tanh
    h_t = (1 - z) h_{t-1} + z n      linear in h: a scan in log2(T) rounds (linear_scan.py) instead of T steps
    x = x + h W_mix                  then the feed-forward layer: residual_lm.py

One layer cannot count or compare with what it held, as an LSTM's can; several, one above the other, can.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.language_model import uniform
from model.architectures.parts.linear_scan import linear_scan
from model.architectures.parts.residual_lm import Mixer, Pass, ResidualLM, residual_scale
from model.config import ModelConfig

LONGEST_MEMORY = 64.0
"""Steps that the slowest unit remembers at first; the others fewer, evenly (Tallec and Ollivier, 1804.11188)."""


class MinGRU(ResidualLM):
    """A language model of minGRU blocks; the carry is `h[B, H]` a layer."""

    def mixer(self, rngs: nnx.Rngs) -> Mixer:
        """A minGRU."""
        return MinGRUMixer(self.config, rngs)


class MinGRUMixer(Mixer):
    """The equations above."""

    num_gates = 2

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs) -> None:
        H, G = config.hidden_dim, self.num_gates * config.hidden_dim
        self.weight, self.bias = nnx.Param(uniform(rngs, (H, G), H)), nnx.Param(self.initial_bias(H))
        self.mix = nnx.Param(uniform(rngs, (H, H), H) * residual_scale(config))

    def initial_bias(self, hidden_dim: int) -> jax.Array:
        """The gates' initial bias: z near 1 / m in a unit that is to remember m steps."""
        return jnp.concatenate([-jnp.log(memories(hidden_dim)), jnp.zeros(hidden_dim)])

    def initial_carry(self, batch_size: int) -> jax.Array:
        """Zeros."""
        return jnp.zeros((batch_size, self.mix.shape[0]))

    def __call__(self, values: jax.Array, carry: Any, now: Pass) -> tuple[jax.Array, Any]:
        """What each token finds, and h after the last."""
        kept, new = self.kept_and_new(now.matmul(values, self.weight[...]) + self.bias[...])
        kept = jnp.where(now.keep[..., None], kept, 0.0)
        h = kept * carry + new if now.is_step else linear_scan(kept, new, carry)
        return now.matmul(h, now.drop_connections(self.mix[...])), h if now.is_step else h[:, -1]

    def kept_and_new(self, gates: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The factor on h and the term that is added to it, of the gates' inputs `[..., G]`."""
        update, new = jnp.split(gates, 2, axis=-1)
        # sigmoid(-x) is 1 - sigmoid(x), and exact where that is close to zero.
        return jax.nn.sigmoid(-update), jax.nn.sigmoid(update) * new


def memories(hidden_dim: int) -> jax.Array:
    """How many steps each unit is to remember at first, `[H]`, from 1 to LONGEST_MEMORY."""
    return jnp.linspace(1.0, LONGEST_MEMORY, hidden_dim)
