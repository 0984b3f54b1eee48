"""A row is decoded to the same bits whatever else is in its batch, as compiled in use: a part of every one's contract."""

from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.architectures import ARCHITECTURES, build, decodes
from model.config import ModelConfig
from model.tokenizer import BOS
from tests.model.architectures.networks import NAMES, TEMPLATE, V
from tests.whole import also

pytestmark = pytest.mark.usefixtures("optimized")

ROWS, STEPS = 16, 4
SIZES: dict[str, Any] = {
    "vocab_size": V,
    "hidden_dim": 64,
    "embed_dim": 32,
    "attention_dim": 16,
    "attention_window": 16,
}
"""Wide enough for XLA to add up in vectors, with some units left over, and many rows: smaller ones agree by luck."""
OTHERWISE: dict[str, dict[str, Any]] = {
    "lstm_attention": {"hidden_dim": 32, "attention_dim": 32, "attention_window": 128},
    "transformer": {"num_heads": 2, "attention_window": 33},
    "minlstm": {"hidden_dim": 100},
}
"""Sizes at which 1 or 4 rows had other bits than 16 while sums were XLA's."""


@pytest.mark.parametrize("name", [name for name in NAMES if name == TEMPLATE or decodes(ARCHITECTURES[name])])
def test_a_row_is_decoded_to_the_same_bits_alone_and_in_a_crowd(name: str) -> None:
    """A reply must not depend on what else is said at the time. If this fails, something in a step adds up in an order that
    depends on the batch: a matmul must be batch_invariant_matmul, or `x @ own["name"]` of a StepLM, and a sum or a mean
    over units batch_invariant_sum."""
    model = build(ModelConfig(architecture=name, **SIZES | OTHERWISE.get(name, {})), seed=1)
    graph, params = nnx.split(model)

    @jax.jit
    def decode(params: Any, tokens: jax.Array, carry: Any) -> Any:
        return nnx.merge(graph, params)(tokens, carry)

    def decoded(tokens: Any) -> Any:
        carry, of_each_step = model.initial_carry(len(tokens)), []
        for column in tokens.T:
            logits, carry = decode(params, column[:, None], carry)
            of_each_step.append((logits, carry))
        return jax.device_get(of_each_step)

    tokens = np.random.default_rng(0).integers(1, V, (ROWS, STEPS))
    tokens[[0, 3], 2] = BOS
    crowd = decoded(tokens)
    for rows in ([3], [ROWS - 1], *also([0, 3, 4, 5])):
        alone = decoded(tokens[rows])
        jax.tree.map(lambda a, b, rows=rows: np.testing.assert_array_equal(a[rows], b), crowd, alone)
