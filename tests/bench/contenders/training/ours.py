"""Our own training step as it comes, dispatched as `fit` in training/loop/trainer.py does. One-hot input."""

import time
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from tests.bench.rounds.job import BETAS, CLIP_NORM, LEARNING_RATE, WEIGHT_DECAY, Job
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop import devices
from training.loop.clock import DISPATCH_STEPS, Clock
from training.loop.devices import compute_dtype
from training.loop.optimizer import learning_rates
from training.loop.step import initial_state, make_dispatch

Precision = Literal["auto", "float32"]
ENDLESS = 10**9
"""Steps of a run so long that the cosine has not moved when the bench ends."""


def before_jax_starts(cores: int) -> None:
    """What a training process says to JAX before its backend starts."""
    devices.prepare(TrainConfig(devices=cores))


class Ours:
    """make_dispatch over a ring of tokens."""

    def __init__(self, job: Job, embed_dim: int, precision: Precision) -> None:
        before_jax_starts(job.cores)
        shape = job.shape
        config = ModelConfig(
            vocab_size=shape.vocab, embed_dim=embed_dim, hidden_dim=shape.hidden, num_layers=shape.layers
        )
        self.config = TrainConfig(
            steps=ENDLESS,
            batch_size=shape.batch,
            bptt_length=shape.window,
            learning_rate=LEARNING_RATE,
            warmup=0.0,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=WEIGHT_DECAY,
            clip_norm=CLIP_NORM,
            precision=precision,
        )
        model = build(config, seed=0)
        if job.weights:
            load(model, job.weights)
        tokens = job.stream()
        stream = TokenStream(tokens, np.ones_like(tokens, np.float32))
        self.flops = shape.flops
        self.dispatch = make_dispatch(model, self.config, stream)
        self.state = initial_state(model, self.config, stream)
        self.clock = Clock(self.config, time.monotonic())
        self.taken = 0
        of = jnp.dtype(compute_dtype(self.config)).name
        self.facts = {"products of": of, "devices": f"{jax.device_count()} of {jax.devices()[0].device_kind}"}

    def tune(self) -> None:
        """Nothing to choose; the clock finds the size of a dispatch by itself."""

    def steps(self, count: int) -> tuple[float, float]:
        """As many dispatches as the trainer would make of them."""
        while count:
            ahead = self.clock.next_progress(self.taken)[:count]
            rates = learning_rates(self.config, ahead, self.clock.epochs(self.taken, ahead.size))
            began = time.monotonic()
            self.state, rows = self.dispatch(self.state, np.pad(rates, (0, DISPATCH_STEPS - rates.size)), rates.size)
            losses, norms = np.asarray(rows)[: rates.size].T
            self.clock.step_seconds = (time.monotonic() - began) / rates.size
            self.taken += rates.size
            count -= rates.size
        return float(losses[-1]), float(norms[-1])


def load(model: LanguageModel, file: str) -> None:
    """Give a network the weights that same_work.py wrote, under our own names."""
    with np.load(file) as found:
        for path, param in nnx.to_flat_state(nnx.state(model, nnx.Param)):
            param[...] = found[".".join(map(str, path))]


def prepare(job: Job) -> Ours:
    """The network with one-hot input, which is the fastest way to read a token."""
    return Ours(job, embed_dim=0, precision="auto")
