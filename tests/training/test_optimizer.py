"""The rate follows the clock and is zero exactly when the run is over."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from training.clock import DISPATCH_STEPS, Clock, Speed
from training.config import TrainConfig
from training.optimizer import global_norm, learning_rates, optimizer


def test_warm_up_then_a_cosine_to_exactly_zero() -> None:
    config = TrainConfig(learning_rate=0.01, warmup=0.1)
    rates = learning_rates(config, np.array([0.05, 0.1, 0.55, 0.9, 1.0]))
    np.testing.assert_allclose(rates[:3], [0.005, 0.01, 0.005], rtol=1e-5)
    assert 0 < rates[3] < 0.001
    assert rates[4] == 0.0
    assert learning_rates(TrainConfig(warmup=0.0), np.array([0.0]))[0] > 0


def test_by_steps_the_last_step_is_the_end() -> None:
    clock = Clock(TrainConfig(steps=50), started=time.monotonic(), step_seconds=1e-6)
    assert clock.ahead(0).size == DISPATCH_STEPS
    np.testing.assert_allclose(clock.ahead(48), [49 / 50, 1.0])
    assert clock.ahead(50).size == 0


def test_by_the_clock_progress_is_time_and_its_last_value_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = Clock(TrainConfig(minutes=1), started=940.0 + 30, before=0.0, step_seconds=0.1)
    np.testing.assert_allclose(clock.ahead(7), (30 + 0.1 * np.arange(1, 6)) / 60)
    now = 1029.75
    np.testing.assert_allclose(clock.ahead(7), [(59.75 + 0.1) / 60, (59.75 + 0.2) / 60, 1.0])
    assert clock.seconds_left(0) == pytest.approx(0.25)
    now = 1030.0
    assert clock.ahead(7).size == 0


def test_a_resumed_run_has_the_rest_of_its_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    clock = Clock(TrainConfig(minutes=1), started=990.0, before=45.0)
    assert clock.seconds == 55.0
    assert clock.seconds_left(0) == pytest.approx(5.0)


def test_speed_leaves_out_the_dispatch_that_compiles() -> None:
    speed = Speed(tokens_per_step=100)
    speed.took(1, 30.0)
    assert speed.tokens_per_second == 0.0
    assert speed.took(10, 2.0) == 0.2
    assert speed.tokens_per_second == 500.0


def test_gradients_are_clipped_by_their_global_norm_and_only_matrices_decay() -> None:
    params = {"matrix": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    chain = optimizer(TrainConfig(weight_decay=0.1, clip_norm=1.0))
    zero = jax.tree.map(jnp.zeros_like, params)
    updates, _ = chain.update(zero, chain.init(params), params)
    np.testing.assert_allclose(updates["matrix"], 0.1)
    np.testing.assert_allclose(updates["bias"], 0.0)
    small, large = (jax.tree.map(lambda p, s=size: jnp.full_like(p, s), params) for size in (1e3, 1e6))
    clipped = [chain.update(gradient, chain.init(params), params)[0]["bias"] for gradient in (small, large)]
    np.testing.assert_allclose(clipped[0], clipped[1], rtol=1e-5)
    assert float(global_norm({"a": jnp.array([3.0]), "b": jnp.array([4.0])})) == 5.0
