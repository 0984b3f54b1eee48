"""Which tokens a step reads: streams of windows, or windows that are whole wherever an epoch begins."""

from typing import Any

import jax
import numpy as np
import pytest

from training.config.tables import TrainConfig
from training.loop.step import Ring, StepPlan, _read_window

LENGTH, STREAMS, WINDOWS, STEPS_PER_EPOCH = 5, 2, 9, 4


@jax.jit
def _read(step: Any, tokens_N: Any, order_key: Any) -> Any:
    config = TrainConfig(windows="conversations", bptt_length=LENGTH, batch_size=STREAMS)
    plan = StepPlan(None, config, None, STREAMS)  # type: ignore[arg-type]
    size = LENGTH * WINDOWS
    ring = Ring(tokens_N, tokens_N, size, STEPS_PER_EPOCH, order_key, order_key, order_key)
    return _read_window(plan, step, np.arange(STREAMS), ring)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 1])
def test_windows_of_conversations_are_read_whole_and_once_an_epoch(seed: int) -> None:
    """Nine windows in two streams of four steps, of a ring with padding; another one is left out each epoch."""
    tokens = np.arange(LENGTH * WINDOWS + 7)
    key = np.asarray(jax.random.key_data(jax.random.key(seed)))
    firsts = []
    for epoch in range(3):
        steps = range(STEPS_PER_EPOCH * epoch, STEPS_PER_EPOCH * (epoch + 1))
        rows = np.concatenate([np.asarray(_read(step, tokens, key)) for step in steps])
        assert (rows[:, 0] % LENGTH == 0).all()
        np.testing.assert_array_equal(rows, (rows[:, :1] + np.arange(LENGTH + 1)) % (LENGTH * WINDOWS))
        assert len(set(rows[:, 0].tolist())) == STREAMS * STEPS_PER_EPOCH
        firsts.append(rows[0, 0])
    assert len(set(firsts)) > 1  # epochs begin elsewhere
