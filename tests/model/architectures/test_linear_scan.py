"""minGRU and minLSTM: all steps at once are the steps one after the other, in float64 to its last digits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures.mingru import MinGRUMixer, memories
from model.architectures.minlstm import MinLSTMMixer
from model.architectures.parts.linear_scan import linear_scan
from model.config import ModelConfig

B, T, H = 3, 19, 4
CONFIG = ModelConfig(vocab_size=13, hidden_dim=H)
RNG = np.random.default_rng(0)
KEEP = RNG.random((B, T)) > 0.2


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def shares(kind: type[MinGRUMixer], gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the equations: the factor on h, and the term that is added to it."""
    if kind is MinGRUMixer:
        update, new = np.split(gates, 2, axis=-1)
        return 1.0 - sigmoid(update), sigmoid(update) * new
    forget, take, new = np.split(gates, 3, axis=-1)
    f, i = sigmoid(forget), sigmoid(take)
    return f / (f + i), i / (f + i) * new


@pytest.mark.parametrize("kind", [MinGRUMixer, MinLSTMMixer])
def test_the_scan_equals_the_steps_and_the_equations_in_float64(kind: type[MinGRUMixer]) -> None:
    values, before = RNG.normal(size=(B, T, H)), RNG.normal(size=(B, H))
    with jax.enable_x64(True):
        mixer: Any = kind(CONFIG, nnx.Rngs(1))
        for param in (mixer.weight, mixer.bias, mixer.mix):
            param.set_value(3 * np.asarray(param[...], np.float64))
        kept, new = (np.asarray(array) for array in mixer.kept_and_new(values @ mixer.weight[...] + mixer.bias[...]))
        scanned = np.asarray(jax.jit(linear_scan)(kept * KEEP[..., None], new, before))
    assert kept.dtype == scanned.dtype == np.float64
    gates = values @ np.asarray(mixer.weight[...]) + np.asarray(mixer.bias[...])
    for found, wanted in zip((kept, new), shares(kind, gates), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    h = before
    for t in range(T):
        h = kept[:, t] * KEEP[:, t, None] * h + new[:, t]
        np.testing.assert_allclose(scanned[:, t], h, atol=1e-12)


@pytest.mark.parametrize("kind", [MinGRUMixer, MinLSTMMixer])
def test_units_remember_from_1_to_64_steps_at_first(kind: type[MinGRUMixer]) -> None:
    mixer = kind(CONFIG, nnx.Rngs(1))
    m = np.asarray(memories(H))
    kept, _ = mixer.kept_and_new(mixer.initial_bias(H))
    np.testing.assert_allclose(kept, m / (1.0 + m), rtol=1e-6)


def test_gates_that_are_shut_or_open_wide_stay_finite_in_float32() -> None:
    """Where the paper's logarithms have to be told of minus infinity: nothing kept for long, then all of it."""
    kept = np.repeat([[0.0, 1e-38, 1.0, 1.0 - 1e-7]], B, axis=0)[:, None].repeat(256, axis=1).astype(np.float32)
    new = RNG.normal(size=(B, 256, 4)).astype(np.float32)
    before = np.full((B, 4), 1e3, np.float32)

    def summed(kept: Any, new: Any) -> Any:
        scanned = linear_scan(kept, new, jnp.asarray(before))
        return scanned.sum(), scanned

    (_, scanned), gradients = jax.jit(jax.value_and_grad(summed, (0, 1), has_aux=True))(kept, new)
    h = before.astype(np.float64)
    for t in range(256):
        h = kept[:, t].astype(np.float64) * h + new[:, t]
        np.testing.assert_allclose(np.asarray(scanned)[:, t], h, rtol=2e-6, atol=2e-5)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
