"""The registry of architectures, by their names in config.toml, and the contract they share.

An architecture is a Flax NNX module made from a ModelConfig, with `initial_carry(batch_size)` and
`__call__(tokens[B, T], carry, noise=None, dtype=float32) -> (logits[B, T, V], carry)`. The same call trains
(T = bptt_length) and decodes (T = 1): the carry is the cache. Reading BOS empties it.
tests/model/architectures/test_contract.py holds all of them to it.
"""

from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.gru import GRU
from model.architectures.lstm import LSTM
from model.architectures.lstm_attention import LSTMAttention
from model.architectures.parts.dropout import DropoutKeys
from model.architectures.parts.scan import MatmulDtype
from model.architectures.rnn import RNN
from model.config import ModelConfig
from model.errors import DannError

ARCHITECTURES = {"lstm": LSTM, "gru": GRU, "rnn": RNN, "lstm_attention": LSTMAttention}


class LanguageModel(Protocol):
    """The interface of a network for training and decoding."""

    config: ModelConfig

    def initial_carry(self, batch_size: int) -> Any:
        """The carry before the first token; a pytree of arrays whose first axis is the batch."""

    def __call__(
        self, tokens: jax.Array, carry: Any, *, noise: DropoutKeys | None = None, dtype: MatmulDtype = jnp.float32
    ) -> tuple[jax.Array, Any]:
        """Logits `[B, T, V]` of the token after each of `tokens[B, T]`, and the carry after the last.

        With `noise`, dropout is applied (dropout.py); matmuls use the compute dtype `dtype` (scan.py).
        """


def build(config: ModelConfig, seed: int) -> LanguageModel:
    """A network with initial weights; raises DannError for a name that is no architecture."""
    if config.architecture not in ARCHITECTURES:
        names = ", ".join(sorted(ARCHITECTURES))
        raise DannError(f"model.architecture: {config.architecture!r} is not known; choose one of {names}")
    return ARCHITECTURES[config.architecture](config, rngs=nnx.Rngs(seed))
