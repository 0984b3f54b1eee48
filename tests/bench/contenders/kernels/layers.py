"""LSTM layers alone, forward and backward: our scan (layers_scan.py) against cuDNN's LSTM (layers_cudnn.py).

No embedding, no output, no optimiser: what a GPU's two ways of running the recurrence cost. Both start from the same
weights and inputs and return the same loss, so that one can be held against the other.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import rnn

from model.architectures.lstm import LSTM
from model.architectures.parts.scan import matmul, scan
from tests.bench.rounds.job import Job, Shape

Layer = dict[str, jax.Array]
"""`input[H, 4H]`, `weight[H, 4H]`, `bias[4H]`, gates in the order i, f, g, o."""


def made(shape: Shape) -> tuple[list[Layer], jax.Array]:
    """The layers' weights and what they read, `[T, B, H]`."""
    H = shape.hidden
    keys = iter(jax.random.split(jax.random.key(0), 3 * shape.layers + 1))

    def uniform(*sizes: int) -> jax.Array:
        return jax.random.uniform(next(keys), sizes, minval=-(H**-0.5), maxval=H**-0.5)

    layers = [
        {"input": uniform(H, 4 * H), "weight": uniform(H, 4 * H), "bias": uniform(4 * H)} for _ in range(shape.layers)
    ]
    return layers, jax.random.normal(next(keys), (shape.window, shape.batch, H))


def by_scan(layers: list[Layer], inputs: jax.Array) -> jax.Array:
    """The last layer's output `[T, B, H]`, by model/architectures/parts/scan.py."""
    keep = jnp.ones(inputs.shape[:2])
    hidden, zeros = inputs, jnp.zeros(inputs.shape[1:])
    for layer in layers:
        gates = matmul(hidden, layer["input"]) + layer["bias"]
        hidden, _ = scan(LSTM.cell, gates, layer["weight"], (zeros, zeros), keep)
    return hidden


def by_cudnn(layers: list[Layer], inputs: jax.Array) -> jax.Array:
    """The same by cuDNN, which wants the batch first and all weights in one array."""
    T, B, H = inputs.shape
    zeros = jnp.zeros((len(layers), B, H))
    lengths = jnp.full(B, T, jnp.int32)
    output, _, _ = rnn.lstm(inputs.swapaxes(0, 1), zeros, zeros, packed(layers), lengths, H, H, len(layers), 0.0, False)
    return output.swapaxes(0, 1)


def packed(layers: list[Layer]) -> jax.Array:
    """The layers' weights as cuDNN has them: matrices, transposed, of all layers, then two biases a layer."""
    matrices = [layer[name].T.ravel() for layer in layers for name in ("input", "weight")]
    biases = [part for layer in layers for part in (layer["bias"], jnp.zeros_like(layer["bias"]))]
    return jnp.concatenate(matrices + biases)


class Layers:
    """A step is the loss and its gradient by weights and inputs."""

    def __init__(self, job: Job, forward: Callable[[list[Layer], jax.Array], jax.Array]) -> None:
        shape = job.shape
        self.flops = 6.0 * shape.tokens * 2 * shape.layers * 4 * shape.hidden**2
        self.layers, self.inputs = made(shape)
        self.facts = {"device": jax.devices()[0].device_kind}

        @jax.jit
        def step(layers: list[Layer], inputs: jax.Array) -> Any:
            return jax.value_and_grad(lambda *of: (forward(*of) ** 2).mean(), argnums=(0, 1))(layers, inputs)

        self.step = step

    def tune(self) -> None:
        """Nothing to choose."""

    def steps(self, count: int) -> tuple[float, float]:
        """The loss, and the length of the gradient by the inputs."""
        for _ in range(count):
            loss, (_, gradient) = self.step(self.layers, self.inputs)
            gradient.block_until_ready()
        return float(loss), float(jnp.linalg.norm(gradient))
