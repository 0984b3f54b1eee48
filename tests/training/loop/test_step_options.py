"""What a step's gradient is of (`train.loss`) and what the carry is at its start (`train.carry`)."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

from model.architectures import build
from model.config import ModelConfig
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop.clock import DISPATCH_STEPS
from training.loop.step import Dispatch, TrainState, initial_state, make_dispatch

TOKENS = np.random.default_rng(0).integers(3, 20, 400).astype(np.int32)
STREAM = TokenStream(TOKENS, np.ones(len(TOKENS), np.float32))
PLAIN: dict[str, Any] = {
    "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "clip_norm": 0.0, "average": 0.0,
    "batch_size": 4, "bptt_length": 8, "devices": 1, "precision": "float32",
}  # fmt: skip


@cache
def compiled(**train: Any) -> tuple[TrainState, Dispatch]:
    """A state before the second step of an epoch, and what takes steps."""
    config = TrainConfig(**(PLAIN | train))
    model = build(ModelConfig(architecture="rnn", vocab_size=20, hidden_dim=8), seed=0)
    state = jax.device_get(initial_state(model, config, STREAM))
    return state._replace(step=np.int32(1)), make_dispatch(model, config, STREAM)


def step(rate: float, from_carry: float = 1.0, **train: Any) -> tuple[TrainState, float]:
    """One step from a carry that goes up to `from_carry`; returns the state after it, and its loss."""
    state, dispatch = compiled(**train)
    leaves, structure = jax.tree.flatten(state.carry)
    before = [from_carry * np.linspace(-1.0, 1.0, a.size, dtype=a.dtype).reshape(a.shape) for a in leaves]
    state = state._replace(carry=jax.tree.unflatten(structure, before))
    after, metrics = dispatch(state, np.full(DISPATCH_STEPS, rate, np.float32), 1)
    return after, float(np.asarray(metrics)[0, 0])


@pytest.mark.slow
def test_a_sum_is_a_mean_at_as_many_times_the_rate() -> None:
    """4 x 8 tokens: a power of two, so to the bit. The loss that is reported stays the mean, so that curves compare."""
    (mean, mean_loss), (summed, sum_loss) = step(0.5), step(0.5 / 32, loss="sum")
    assert mean_loss == sum_loss
    for one, other in zip(jax.tree.leaves(mean.params), jax.tree.leaves(summed.params), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_refreshed_carry_is_empty_before_each_window() -> None:
    (_, kept), (_, refreshed), (_, empty) = step(0.1), step(0.1, carry="refresh"), step(0.1, from_carry=0.0)
    assert refreshed == empty != kept
