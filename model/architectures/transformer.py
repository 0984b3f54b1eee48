"""The decoder-only transformer (Vaswani et al., 1706.03762; Radford et al. 2018), as it is built today.

    q, k, v = x W_q, x W_k, x W_v                  x after RMSNorm; each is split into `num_heads` heads
    q, k = turned by their token's position         rotary positions (rotary.py)
    found_t = sum_s softmax_s(q_t . k_s / sqrt(D)) v_s    over t itself and the tokens of the conversation before it
    x = x + found W_mix                            then the feed-forward layer: residual_lm.py

Its memory is what it has read: a ring of the newest `attention_window` tokens' keys and values in each layer (attention.py),
where an LSTM keeps two vectors. Nothing older is seen directly; through the layers' rings, up to `num_layers` times as much.
"""

from typing import Any

import jax
from flax import nnx

from model.architectures.parts.attention import (
    AttentionRing,
    attend_step,
    attend_window,
    empty_ring,
    step_positions,
    window_positions,
)
from model.architectures.parts.language_model import uniform
from model.architectures.parts.residual_lm import Mixer, Pass, ResidualLM, residual_scale
from model.architectures.parts.rotary import rotate
from model.config import ModelConfig
from model.errors import DannError


class Transformer(ResidualLM):
    """A language model of attention blocks; the carry is an AttentionRing a layer."""

    def mixer(self, rngs: nnx.Rngs) -> Mixer:
        """Attention of `num_heads` heads."""
        return Attention(self.config, rngs)


class Attention(Mixer):
    """Attention over the newest tokens of a conversation; raises DannError for heads that do not fit."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs) -> None:
        H, N = config.hidden_dim, config.num_heads
        if H % (2 * N):
            fitting = ", ".join(str(number) for number in range(1, H + 1) if H % (2 * number) == 0) or "none"
            raise DannError(
                f"model.num_heads: {N} heads do not divide model.hidden_dim {H} into even widths, as rotary positions need; "
                f"of {H} units there can be so many heads: {fitting}"
            )
        self.num_heads, self.window = N, config.attention_window
        self.query, self.key, self.value = (nnx.Param(uniform(rngs, (H, H), H)) for _ in range(3))
        self.mix = nnx.Param(uniform(rngs, (H, H), H) * residual_scale(config))

    def initial_carry(self, batch_size: int) -> AttentionRing:
        """An empty ring."""
        H = self.query.shape[0]
        return empty_ring(batch_size, self.window, H, H)

    def __call__(self, values: jax.Array, carry: Any, now: Pass) -> tuple[jax.Array, Any]:
        """What each token finds among the tokens before it and itself, and the ring with these tokens."""
        attend, positions_of = (attend_step, step_positions) if now.is_step else (attend_window, window_positions)
        positions = positions_of(carry, now.keep)
        query, key, value = (now.matmul(values, weight[...]) for weight in (self.query, self.key, self.value))
        query, key = (rotate(array, positions, self.num_heads) for array in (query, key))
        found, carry = attend(query, key, value, carry, now.keep, self.num_heads)
        return now.matmul(found, now.drop_connections(self.mix[...])), carry
