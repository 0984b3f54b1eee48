"""Networks that are no LSTM in training: devices, carries that are emptied, files to resume from, a loss of their own."""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import build
from model.config import ModelConfig
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop import multihost
from training.loop.step import initial_state, make_dispatch
from training.loop.trainer import TrainProgress
from training.runs import resume

pytestmark = pytest.mark.slow

STREAM = TokenStream((np.random.default_rng(0).geometric(0.3, 3000) % 40).astype(np.int32), np.ones(3000, np.float32))
"""Token 0 begins a conversation: in most windows one does."""


def network(name: str, **shape: Any) -> Any:
    sizes = {"hidden_dim": 16, "embed_dim": 8, "attention_window": 24, "num_heads": 2, "dropout": 0.1} | shape
    return build(ModelConfig(architecture=name, vocab_size=40, **sizes), seed=0)


def config(**train: Any) -> TrainConfig:
    return TrainConfig.model_validate(
        {"batch_size": 8, "bptt_length": 16, "devices": 1, "precision": "float32"} | train
    )


@cache
def after(name: str, devices: int) -> tuple[Any, np.ndarray]:
    """The state after a few steps, and the losses of these and of many more."""
    settings = config(devices=devices, resets=0.3)
    model = network(name)
    dispatch = make_dispatch(model, settings, STREAM)
    state, rows = dispatch(initial_state(model, settings, STREAM), np.full(32, 0.01, np.float32), 6)
    early = jax.device_get(multihost.gather_whole(state))
    return early, np.concatenate(
        [np.asarray(rows)[:6, 0], np.asarray(dispatch(state, np.full(32, 0.02, np.float32), 32)[1])[:, 0]]
    )


def test_one_device_and_two_take_the_same_steps_with_a_ring_for_each_stream() -> None:
    """To float32's last digits but for the ring, where a digit may round to the next bfloat16."""
    (one, losses), (two, others) = (after("transformer", devices) for devices in (1, 2))
    np.testing.assert_allclose(others[:6], losses[:6], rtol=2e-5)
    assert losses[-1] < losses[0] - 0.5, "it learns"
    for ours, theirs in zip(one.carry, two.carry, strict=True):
        np.testing.assert_array_equal(ours.count_B, theirs.count_B)
        np.testing.assert_allclose(ours.keys_BxWxK.astype(np.float32), theirs.keys_BxWxK.astype(np.float32), atol=0.02)


def test_a_stream_that_was_reset_has_a_ring_of_what_came_after() -> None:
    """Of its dtypes: a ring's bfloat16 and counts survive being multiplied by whether they are kept."""
    (ring,) = after("transformer", 1)[0].carry
    assert (ring.keys_BxWxK.dtype, ring.values_BxWxU.dtype, ring.count_B.dtype) == (
        jnp.bfloat16,
        jnp.bfloat16,
        jnp.int32,
    )
    window = config().bptt_length
    assert (ring.count_B >= 1).all()
    assert (ring.count_B > window).any()
    assert (ring.count_B <= window).any(), "some have been emptied"
    for row, count in enumerate(ring.count_B):
        assert ring.keys_BxWxK[row, :count].astype(np.float32).any(axis=-1).all()
        assert not ring.keys_BxWxK[row, count:].astype(np.float32).any()


def test_a_ring_is_saved_and_resumed_from_to_the_bit(tmp_path: Path) -> None:
    state, _ = after("transformer", 1)
    resume.save(tmp_path / "resume", state, TrainProgress(6))
    loaded, progress = resume.load(tmp_path / "resume", initial_state(network("transformer"), config(), STREAM))
    assert progress.step == 6
    for array, wanted in zip(jax.tree.leaves(loaded), jax.tree.leaves(state), strict=True):
        assert array.dtype == wanted.dtype
        np.testing.assert_array_equal(np.asarray(array), wanted)


def test_halting_is_trained_by_its_ponder_penalty_and_shown_without_it() -> None:
    """The first loss is near ln V, without 5 nats a round; and the chance to stop grows."""
    model, settings = network("halting", ponder_penalty=5.0), config()
    model.halt_bias.set_value(jnp.full(1, -1.0))
    state, rows = make_dispatch(model, settings, STREAM)(
        initial_state(model, settings, STREAM), np.full(32, 0.01, np.float32), 8
    )
    assert float(np.asarray(rows)[0, 0]) == pytest.approx(np.log(40), abs=0.3)
    params: Any = nnx.to_pure_dict(state.params)
    assert params["halt_bias"][0] > -1.0 + 0.05
