"""The learning rate follows the clock and is zero exactly at the end of a run; optimizers are what their papers say."""

import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from model.architectures import build
from model.config import ModelConfig
from training.config.tables import Settings, TrainConfig
from training.loop.clock import DISPATCH_STEPS, Clock, Speed
from training.loop.optimizer import global_norm, learning_rates, optimizer
from training.runs.learning import fresh_network, init_uniform

NO_EPOCH = np.zeros(1)

KEEP_ALL = {"embedding_dropout": 0.0, "dropout": 0.0, "weight_drop": 0.0}
"""Set here because "auto" is resolved before a network is made."""


def test_warm_up_then_a_cosine_to_exactly_zero() -> None:
    config = TrainConfig(learning_rate=0.01, warmup=0.1)
    rates = learning_rates(config, np.array([0.05, 0.1, 0.55, 0.9, 1.0]), NO_EPOCH)
    np.testing.assert_allclose(rates[:3], [0.005, 0.01, 0.005], rtol=1e-5)
    assert 0 < rates[3] < 0.001
    assert rates[4] == 0.0
    assert learning_rates(TrainConfig(warmup=0.0), np.array([0.0]), NO_EPOCH)[0] > 0


PROGRESS = np.array([0.01, 0.1, 0.2, 0.5, 0.7, 0.9, 0.99, 1.0])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", [0.05, 0.5, 1.0, (1 + np.cos(np.pi * 3 / 8)) / 2, (1 + np.cos(np.pi * 5 / 8)) / 2,
                    (1 + np.cos(np.pi * 7 / 8)) / 2, (1 + np.cos(np.pi * 0.79 / 0.8)) / 2, 0.0]),
        ("linear", [0.05, 0.5, 1.0, 5 / 8, 3 / 8, 1 / 8, 1 / 80, 0.0]),
        ("wsd", [0.05, 0.5, 1.0, 1.0, 0.3 / 0.4, 0.1 / 0.4, 0.01 / 0.4, 0.0]),
        ("constant", [0.05, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)  # fmt: skip
def test_every_schedule_is_its_formula(schedule: Any, expected: list[float]) -> None:
    config = TrainConfig(schedule=schedule, learning_rate=0.02, warmup=0.2, decay_fraction=0.4)
    rates = learning_rates(config, PROGRESS, np.zeros(8))
    np.testing.assert_allclose(rates, 0.02 * np.array(expected), rtol=1e-5, atol=1e-12)
    assert schedule == "constant" or rates[-1] == 0.0


def test_the_exponential_schedule_is_char_rnns_loop() -> None:
    """Its author's loop: behind an epoch's last step, from the tenth epoch on, rate = rate * 0.97."""
    steps_per_epoch, rate, expected = 3, 2e-3, []
    for i in range(1, 15 * steps_per_epoch + 1):
        expected.append(rate)
        if i % steps_per_epoch == 0 and i / steps_per_epoch >= 10:
            rate *= 0.97
    config = TrainConfig(schedule="exponential", warmup=0.0, learning_rate=2e-3, epochs=15)
    clock = Clock(config, started=time.monotonic(), step_seconds=1e-9, steps_per_epoch=steps_per_epoch)
    rates: list[float] = []
    while (ahead := clock.next_progress(len(rates))).size:
        rates += learning_rates(config, ahead, clock.epochs(len(rates), ahead.size)).tolist()
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize(("scaling", "factor"), [("none", 1.0), ("sqrt", 2.0), ("linear", 4.0)])
def test_the_rate_goes_with_the_batch(scaling: Any, factor: float) -> None:
    config = TrainConfig(rate_scaling=scaling, batch_size=64, reference_batch=16, schedule="constant", warmup=0.0)
    assert learning_rates(config, np.array([0.5]), NO_EPOCH)[0] == pytest.approx(factor * config.learning_rate)


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="set one of them to 0"):
        TrainConfig(steps=1, epochs=1)
    with pytest.raises(ValueError, match="at most 1 together"):
        TrainConfig(schedule="wsd", warmup=0.6, decay_fraction=0.5)


def by_hand(config: TrainConfig, params: list[np.ndarray], gradients: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The same steps in float64, from the optimizers' papers, with a learning rate of 0.1."""
    first, second = ([np.zeros_like(p) for p in params] for _ in range(2))
    for number, gradient in enumerate(gradients, start=1):
        norm = np.sqrt(sum((g * g).sum() for g in gradient))
        scale = 1.0 if not config.clip_norm else min(1.0, config.clip_norm / norm)
        for k, raw in enumerate(gradient):
            g = scale * raw
            g = np.clip(g, -config.clip_value, config.clip_value) if config.clip_value else g
            if config.optimizer == "adamw":
                first[k] = config.beta1 * first[k] + (1 - config.beta1) * g
                second[k] = config.beta2 * second[k] + (1 - config.beta2) * g * g
                m, v = first[k] / (1 - config.beta1**number), second[k] / (1 - config.beta2**number)
                update = m / (np.sqrt(v) + 1e-8)
            elif config.optimizer == "rmsprop":
                second[k] = config.rms_decay * second[k] + (1 - config.rms_decay) * g * g
                update = g / (np.sqrt(second[k]) + 1e-8)
            else:
                update = first[k] = config.momentum * first[k] + g
            decay = config.weight_decay if params[k].ndim > 1 else 0.0
            params[k] = params[k] - 0.1 * (update + decay * params[k])
    return params


def random_arrays(count: int) -> Iterator[list[np.ndarray]]:
    rng = np.random.default_rng(7)
    for _ in range(count):
        yield [rng.normal(size=(3, 4)), rng.normal(size=4), 1e-7 * rng.normal(size=(2, 2))]


@pytest.mark.parametrize("clips", [{}, {"clip_norm": 0.0}, {"clip_norm": 0.0, "clip_value": 0.3}, {"clip_value": 0.3}])
@pytest.mark.parametrize("name", ["adamw", "rmsprop", "sgd"])
def test_every_optimizer_takes_the_steps_of_its_paper(name: Any, clips: dict[str, Any]) -> None:
    """The third array's gradients are near epsilon, so that where it is added shows."""
    config = TrainConfig(optimizer=name, weight_decay=0.1, momentum=0.8, rms_decay=0.9, beta2=0.95, **clips)
    params, *gradients = random_arrays(6)
    expected = by_hand(config, list(params), gradients)
    chain = optimizer(config)
    actual = [jnp.asarray(p, jnp.float32) for p in params]
    state = chain.init(actual)
    for gradient in gradients:
        updates, state = chain.update([jnp.asarray(g, jnp.float32) for g in gradient], state, actual)
        actual = [p - 0.1 * u for p, u in zip(actual, updates, strict=True)]
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_an_even_start_spares_the_forget_gates_and_is_the_seeds() -> None:
    shape = {"embed_dim": 0, "hidden_dim": 16, "num_layers": 2}
    settings = Settings.model_validate({"model": shape | KEEP_ALL, "train": {"init_range": 0.08, "seed": 3}})
    model: Any = fresh_network(settings, vocab_size=40)
    for bias in model.biases:
        i, f, g, o = np.split(np.asarray(bias[...]), 4)
        np.testing.assert_array_equal(f, 1.0)
        assert all(0.0 < np.abs(gate).max() <= 0.08 for gate in (i, g, o))
    matrices = [np.asarray(m[...]) for m in (*model.inputs, *model.weights, model.output)]
    values = np.concatenate([m.ravel() for m in matrices])
    assert np.abs(values).max() <= 0.08
    assert values.std() == pytest.approx(0.16 / 12**0.5, rel=0.05)
    assert not np.array_equal(matrices[2], matrices[3])
    again: Any = fresh_network(settings, vocab_size=40)
    np.testing.assert_array_equal(again.output[...], model.output[...])
    init_uniform(again, 0.08, seed=4)
    assert not np.array_equal(again.output[...], model.output[...])


def test_without_a_range_the_architecture_keeps_its_own_initializer() -> None:
    model: Any = fresh_network(Settings.model_validate({"model": {"hidden_dim": 8} | KEEP_ALL}), vocab_size=20)
    plain: Any = build(ModelConfig(vocab_size=20, embed_dim=128, hidden_dim=8), seed=0)
    np.testing.assert_array_equal(model.output[...], plain.output[...])


def test_by_steps_the_last_step_is_the_end() -> None:
    clock = Clock(TrainConfig(steps=50, evaluations=1), started=time.monotonic(), step_seconds=1e-6)
    assert clock.next_progress(0).size == DISPATCH_STEPS
    np.testing.assert_allclose(clock.next_progress(48), [49 / 50, 1.0])
    assert clock.next_progress(50).size == 0


def test_by_epochs_the_last_step_of_the_last_epoch_is_the_end() -> None:
    clock = Clock(TrainConfig(epochs=5), started=time.monotonic(), step_seconds=1e-6, steps_per_epoch=10)
    np.testing.assert_allclose(clock.next_progress(48), [49 / 50, 1.0])
    assert clock.next_progress(50).size == 0
    assert clock.seconds_left(40) == pytest.approx(10e-6)
    np.testing.assert_array_equal(clock.epochs(8, 4), [0, 0, 1, 1])


def test_by_the_clock_progress_is_time_and_its_last_value_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = Clock(TrainConfig(minutes=1), started=940.0 + 30, seconds_before=0.0, step_seconds=0.1)
    np.testing.assert_allclose(clock.next_progress(7), (30 + 0.1 * np.arange(1, 6)) / 60)
    now = 1029.75
    np.testing.assert_allclose(clock.next_progress(7), [(59.75 + 0.1) / 60, (59.75 + 0.2) / 60, 1.0])
    assert clock.seconds_left(0) == pytest.approx(0.25)
    now = 1030.0
    assert clock.next_progress(7).size == 0


def test_a_resumed_run_has_the_rest_of_its_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    clock = Clock(TrainConfig(minutes=1), started=990.0, seconds_before=45.0)
    assert clock.seconds == 55.0
    assert clock.seconds_left(0) == pytest.approx(5.0)


def test_speed_leaves_out_the_dispatch_that_compiles() -> None:
    speed = Speed(tokens_per_step=100)
    speed.record(1, 30.0)
    assert speed.tokens_per_second == 0.0
    assert speed.record(10, 2.0) == 0.2
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
