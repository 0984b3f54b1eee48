"""An LSTM with one attention head over the conversation (SHA-RNN: Merity, 1911.11423, without its feed-forward layers).

    h_t = LSTM(x_t)                                            the top layer's output
    q, k, v = h_t W_q, h_t W_k, h_t W_v
    a_t = sum_s softmax_s(q_t . k_s / sqrt(K)) v_s             over t itself and the tokens of the conversation before it
    logits_t = output(h_t + a_t W_o)

The LSTM writes as the person does; the head finds again what was said. With W_o = 0 it is the LSTM alone.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.lstm import LSTM
from model.architectures.parts.attention import attend_step, attend_window, empty_ring
from model.architectures.parts.batch_invariant import batch_invariant_matmul
from model.architectures.parts.dropout import DropoutKeys
from model.architectures.parts.language_model import uniform
from model.architectures.parts.scan import MatmulDtype, matmul
from model.config import ModelConfig
from model.tokenizer import BOS

VALUES_PER_KEY = 2
"""A value is so many times as wide as a key: finding a token takes less than saying what follows from it."""


class LSTMAttention(LSTM):
    """A language model of LSTM layers and one attention head; the carry is the LSTM's, then the head's AttentionRing."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        super().__init__(config, rngs=rngs)
        H, K = config.hidden_dim, config.attention_dim
        self.query, self.key = (nnx.Param(uniform(rngs, (H, K), H)) for _ in range(2))
        self.value = nnx.Param(uniform(rngs, (H, VALUES_PER_KEY * K), H))
        self.mix = nnx.Param(uniform(rngs, (VALUES_PER_KEY * K, H), H))

    def initial_carry(self, batch_size: int) -> tuple[Any, ...]:
        """The carry before the first token: zeros."""
        config = self.config
        key_dim = config.attention_dim
        ring = empty_ring(batch_size, config.attention_window, key_dim, VALUES_PER_KEY * key_dim)
        return (*super().initial_carry(batch_size), ring)

    def __call__(
        self, tokens: jax.Array, carry: Any, *, noise: DropoutKeys | None = None, dtype: MatmulDtype = jnp.float32
    ) -> tuple[jax.Array, Any]:
        """Logits of the token after each of `tokens[B, T]`, and the carry to hand to the next call."""
        *layers, ring = carry
        keep_BxT = tokens != BOS
        if tokens.shape[1] == 1 and noise is None:
            hidden_BxH, after = self._hidden_step(tokens, layers)
            query, key, value = (batch_invariant_matmul(hidden_BxH, weight[...]) for weight in self._projections)
            found_BxU, ring = attend_step(query, key, value, ring, keep_BxT[:, 0])
            hidden_BxH = hidden_BxH + batch_invariant_matmul(found_BxU, self.mix[...])
            return self._logits_step(hidden_BxH)[:, None], (*after, ring)
        hidden_TxBxH, after = self._hidden(tokens, layers, noise, dtype)
        query, key, value = (matmul(hidden_TxBxH, weight[...], dtype).swapaxes(0, 1) for weight in self._projections)
        found_BxTxU, ring = attend_window(query, key, value, ring, keep_BxT)
        hidden_TxBxH = hidden_TxBxH + matmul(found_BxTxU.swapaxes(0, 1), self.mix[...], dtype)
        return self._logits(hidden_TxBxH, dtype).swapaxes(0, 1), (*after, ring)

    @property
    def _projections(self) -> tuple[nnx.Param[jax.Array], ...]:
        return self.query, self.key, self.value
