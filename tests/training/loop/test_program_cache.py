"""The step's compiled program is found again by a run with another random seed and another text."""

import jax
import numpy as np
from jax import monitoring

from model.architectures import build
from model.config import ModelConfig
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop import step
from training.loop.step import initial_state, make_dispatch


def events_of_a_run(seed: int, length: int) -> list[str]:
    """What JAX tells of its compilation cache where a run takes its first step."""
    # A batch of its own, so that no other test has compiled this program in this process.
    rate, minutes = 0.01 * (1 + seed), 1.0 + seed
    config = TrainConfig(
        batch_size=6, bptt_length=8, devices=1, seed=seed, learning_rate=rate, minutes=minutes, precision="float32"
    )
    tokens = np.random.default_rng(seed).integers(0, 40, length).astype(np.int32)
    stream = TokenStream(tokens, np.ones(length, np.float32))
    model = build(ModelConfig(vocab_size=40, hidden_dim=8), seed=0)
    dispatch, state = make_dispatch(model, config, stream), initial_state(model, config, stream)
    jax.block_until_ready(state)
    found: list[str] = []

    def listener(event: str, **_: str | int) -> None:
        found.append(event)

    monitoring.register_event_listener(listener)
    dispatch(state, np.zeros(32, np.float32), 1)
    monitoring.unregister_event_listener(listener)
    return [event for event in found if event.startswith("/jax/compilation_cache/")]


def test_another_seed_and_another_text_compile_nothing() -> None:
    """Nor is anything traced again in the same process; another process finds the program on the disk."""
    assert events_of_a_run(0, 3000)
    assert events_of_a_run(1, 2500) == []
    step._program.cache_clear()
    found = events_of_a_run(2, 2700)
    assert "/jax/compilation_cache/cache_hits" in found
    assert "/jax/compilation_cache/cache_misses" not in found
