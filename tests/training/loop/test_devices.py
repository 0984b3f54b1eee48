"""One device, two or four take the same steps, however the batch is split."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import build
from model.config import ModelConfig
from tests.whole import also
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop import devices, multihost
from training.loop.devices import compute_dtype, make_mesh
from training.loop.step import initial_state, make_dispatch

pytestmark = pytest.mark.slow

ALL_DROPOUT: dict[str, Any] = {
    "embedding_dropout": 0.1,
    "input_dropout": 0.1,
    "hidden_dropout": 0.2,
    "dropout": 0.2,
    "weight_drop": 0.3,
}


WHOLE: dict[str, Any] = {"architecture": "lstm", "num_layers": 2, **ALL_DROPOUT}
"""What depends on a stream's number is in it: all dropout, in both layers."""
PLAIN: list[dict[str, Any]] = [{"architecture": name} for name in ("gru", "rnn")]
"""Their cells know no more of devices than the LSTM's: here it is seen that they learn, on one."""


class Steps(NamedTuple):
    """The state and the rows of metrics after a few steps, and the rows of many more."""

    state: Any
    rows: np.ndarray
    later: np.ndarray


@cache
def after(devices: int, dtype: Any = "float32", **shape: Any) -> Steps:
    """What steps on so many devices come to. Some tokens are much more frequent than others: that can be learned."""
    stream = TokenStream(
        (np.random.default_rng(0).geometric(0.3, 3000) % 40).astype(np.int32),
        np.random.default_rng(1).random(3000).astype(np.float32),
    )
    model = build(ModelConfig(vocab_size=40, hidden_dim=16, embed_dim=8, **shape), seed=0)
    config = TrainConfig(batch_size=8, bptt_length=16, devices=devices, resets=0.3, precision=dtype)
    dispatch = make_dispatch(model, config, stream)
    state, rows = dispatch(initial_state(model, config, stream), np.full(32, 0.01, np.float32), 6)
    found = jax.device_get(multihost.gather_whole(state)), np.asarray(rows)[:6]
    return Steps(*found, np.asarray(dispatch(state, np.full(32, 0.05, np.float32), 32)[1]))


@pytest.mark.parametrize(("shape", "counts"), [(WHOLE, (2, 4)), *((shape, also(4)) for shape in PLAIN)], ids=str)
def test_the_losses_are_the_same_on_one_two_and_four_devices(shape: dict[str, Any], counts: tuple[int, ...]) -> None:
    """And they fall, in every architecture."""
    one, losses, later = after(1, **shape)
    assert np.all(losses[:, 0] > 0)
    assert later[-1, 0] < losses[0, 0] - 0.5
    assert np.isfinite(later).all()
    assert (later[:, 1] > 0).all()
    for count in counts:
        split, others, _ = after(count, **shape)
        np.testing.assert_allclose(others, losses, rtol=2e-5)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), split.carry, one.carry)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4),
            nnx.to_pure_dict(split.params),
            nnx.to_pure_dict(one.params),
        )


def test_matmuls_in_bfloat16_take_nearly_the_same_steps() -> None:
    exact, rounded = (after(4, dtype, **WHOLE).rows for dtype in ("float32", "bfloat16"))
    assert not np.array_equal(exact, rounded)
    np.testing.assert_allclose(rounded[:, 0], exact[:, 0], rtol=5e-3)


@pytest.mark.parametrize(("flag", "dtype"), [("avx512f avx512_bf16", jnp.bfloat16), ("avx512f", jnp.float32)])
def test_matmuls_are_in_bfloat16_where_the_processor_has_it(
    flag: str, dtype: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"model name : one\nflags : fpu {flag} rtm\n")
    monkeypatch.setattr(devices, "CPU_INFO", tmp_path / "cpuinfo")
    assert compute_dtype(TrainConfig()) == dtype
    assert compute_dtype(TrainConfig(precision="float32")) == jnp.float32
    assert compute_dtype(TrainConfig(precision="bfloat16")) == jnp.bfloat16


def test_matmuls_are_in_float32_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "CPU_INFO", Path("/nowhere/cpuinfo"))
    assert compute_dtype(TrainConfig()) == jnp.float32


@pytest.mark.parametrize(("wanted", "streams", "used"), [(4, 8, 4), (4, 6, 3), (4, 5, 1), (2, 50, 2), (64, 8, 4)])
def test_a_mesh_divides_the_batch_evenly(wanted: int, streams: int, used: int) -> None:
    assert make_mesh(TrainConfig(devices=wanted), streams).size == used


def test_by_itself_a_run_takes_every_device_there_is() -> None:
    assert make_mesh(TrainConfig(), 8).size == len(jax.devices()) == 4


def test_windows_begin_with_an_empty_carry_as_often_as_resets_says() -> None:
    model = build(ModelConfig(vocab_size=40, hidden_dim=8), seed=0)
    stream = TokenStream(np.random.default_rng(0).integers(1, 40, 3000).astype(np.int32), np.ones(3000, np.float32))
    zero_rates = np.zeros(32, np.float32)  # weights stay; only the carry changes

    def carry_after(resets: float, steps: int) -> Any:
        config = TrainConfig(
            batch_size=4, bptt_length=8, devices=1, resets=resets, random_offsets=False, precision="float32"
        )
        state, _ = make_dispatch(model, config, stream)(initial_state(model, config, stream), zero_rates, steps)
        return jax.device_get(state.carry)

    graph, params = nnx.split(model)
    spacing = len(stream) // 4
    second = jnp.asarray(np.stack([stream.tokens[row * spacing + 8 : row * spacing + 16] for row in range(4)]))
    fresh = jax.jit(lambda p: nnx.merge(graph, p)(second, model.initial_carry(4))[1])(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), carry_after(1.0, 2), fresh)
    assert not np.allclose(carry_after(0.0, 2)[0][1], fresh[0][1], atol=1e-4)
