"""The step's compiled program is found again by a run with another random seed and another text."""

import jax
import numpy as np
from jax import monitoring

from model.architectures import build
from model.config import ModelConfig
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop.step import initial_state, make_dispatch


def test_another_seed_and_another_text_compile_nothing() -> None:
    found: list[str] = []

    def listener(event: str, **_: str | int) -> None:
        found.append(event)

    monitoring.register_event_listener(listener)
    # A batch of its own, so that no other test has compiled this program in this process.
    for seed, length in ((0, 3000), (1, 2500)):
        config = TrainConfig(batch_size=6, bptt_length=8, devices=1, seed=seed, precision="float32")
        tokens = np.random.default_rng(seed).integers(0, 40, length).astype(np.int32)
        stream = TokenStream(tokens, np.ones(length, np.float32))
        model = build(ModelConfig(vocab_size=40, hidden_dim=8), seed=0)
        dispatch, state = make_dispatch(model, config, stream), initial_state(model, config, stream)
        jax.block_until_ready(state)
        found.clear()
        dispatch(state, np.zeros(32, np.float32), 1)
    monitoring.unregister_event_listener(listener)
    assert "/jax/compilation_cache/cache_hits" in found
    assert "/jax/compilation_cache/cache_misses" not in found
