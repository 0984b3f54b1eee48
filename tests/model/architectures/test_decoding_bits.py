"""Logits and carries of decoding have the same bits in any batch, in networks of widths that vectors do not divide evenly.

What is drawn follows from the logits, and a carry alone does not show them: an attention head's sums reach only the logits.
If this fails after JAX was upgraded: a sum over a row is added up in another order for one row than for many
(batch_invariant.py; attention.py, which therefore goes row by row).
"""

from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.architectures import build
from model.config import ModelConfig
from model.tokenizer import BOS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimized")]

V, B, T = 300, 16, 40
SHAPES: list[tuple[dict[str, Any], int]] = [
    ({"architecture": "lstm_attention", "hidden_dim": 32, "attention_dim": 32, "attention_window": 128}, 4),
    ({"architecture": "transformer", "hidden_dim": 64, "num_heads": 2, "attention_window": 33}, 1),
    ({"architecture": "minlstm", "hidden_dim": 100}, 1),
]
"""Each with a number of rows that had other bits than 16 while sums were XLA's."""


@pytest.mark.parametrize(("shape", "count"), SHAPES, ids=str)
def test_a_row_is_decoded_to_the_same_bits_alone_and_among_others(shape: dict[str, Any], count: int) -> None:
    graph, params = nnx.split(build(ModelConfig(vocab_size=V, embed_dim=20, **shape), seed=1))
    tokens = np.random.default_rng(0).integers(3, V, (B, T))
    tokens[:, 0] = tokens[::3, 9] = BOS

    @jax.jit
    def decoded(params: Any, tokens_TxB: Any) -> Any:
        model: Any = nnx.merge(graph, params)

        def step(carry: Any, tokens_B: jax.Array) -> tuple[Any, jax.Array]:
            logits, carry = model(tokens_B[:, None], carry)
            return carry, logits[:, 0]

        return jax.lax.scan(step, model.initial_carry(tokens_TxB.shape[1]), tokens_TxB)

    carry, logits_TxBxV = decoded(params, tokens.T)
    its_carry, its_logits_TxBxV = decoded(params, tokens[-count:].T)
    np.testing.assert_array_equal(its_logits_TxBxV, np.asarray(logits_TxBxV)[:, -count:])
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b[-count:]), its_carry, carry)
