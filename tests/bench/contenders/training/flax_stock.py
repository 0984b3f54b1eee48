"""What Flax's own parts give: nnx.Embed, nnx.RNN over OptimizedLSTMCell, nnx.Linear, optax, plain autodiff, one jit."""

from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from tests.bench.rounds.job import BETAS, CLIP_NORM, LEARNING_RATE, WEIGHT_DECAY, Job, Shape


class Network(nnx.Module):
    """tokens `[T, B]` in, logits `[T, B, V]` out, the carry handed on."""

    def __init__(self, shape: Shape) -> None:
        rngs, H = nnx.Rngs(0), shape.hidden
        self.embed = nnx.Embed(shape.vocab, H, rngs=rngs)
        self.layers = nnx.List(
            nnx.RNN(nnx.OptimizedLSTMCell(H, H, rngs=rngs), time_major=True, return_carry=True)
            for _ in range(shape.layers)
        )
        self.output = nnx.Linear(H, shape.vocab, rngs=rngs)

    def __call__(self, tokens: jax.Array, carry: Any) -> tuple[jax.Array, Any]:
        hidden, last = self.embed(tokens), []
        for layer, before in zip(self.layers, carry, strict=True):
            after, hidden = layer(hidden, initial_carry=before)
            last.append(after)
        return self.output(hidden), last


class Stock:
    """One compiled step, called once a step, as Flax's examples do."""

    def __init__(self, job: Job) -> None:
        shape = job.shape
        network = Network(shape)
        if job.weights:
            load(network, job.weights)
        graph, params, rest = cast("tuple[Any, Any, Any]", nnx.split(network, nnx.Param, ...))
        chain = optax.chain(
            optax.clip_by_global_norm(CLIP_NORM),
            optax.adamw(
                LEARNING_RATE,
                b1=BETAS[0],
                b2=BETAS[1],
                weight_decay=WEIGHT_DECAY,
                mask=partial(jax.tree.map, lambda leaf: leaf.ndim > 1),
            ),
        )
        windows = jnp.asarray(job.windows())

        def loss(params: Any, window: jax.Array, carry: Any) -> tuple[jax.Array, Any]:
            logits, carry = nnx.merge(graph, params, rest)(window[:-1], carry)
            return optax.softmax_cross_entropy_with_integer_labels(logits, window[1:]).mean(), carry

        @partial(jax.jit, donate_argnums=0)
        def step(state: Any, windows: jax.Array, number: int) -> tuple[Any, jax.Array]:
            params, opt_state, carry = state
            (value, carry), gradient = jax.value_and_grad(loss, has_aux=True)(params, windows[number], carry)
            updates, opt_state = chain.update(gradient, opt_state, params)
            metrics = jnp.stack([value, optax.tree.norm(gradient)])
            return (optax.apply_updates(params, updates), opt_state, carry), metrics

        zeros = partial(jnp.zeros, (shape.batch, shape.hidden))
        self.state = (params, chain.init(params), [(zeros(), zeros()) for _ in range(shape.layers)])
        self.step, self.windows, self.taken = step, windows, 0
        self.flops = shape.flops
        self.facts = {"devices": f"{jax.device_count()} of {jax.devices()[0].device_kind}"}

    def tune(self) -> None:
        """Nothing to choose: stock is stock."""

    def steps(self, count: int) -> tuple[float, float]:
        """Hand over one step after the other, and wait for the last."""
        for _ in range(count):
            self.state, metrics = self.step(self.state, self.windows, self.taken % len(self.windows))
            self.taken += 1
        loss, norm = np.asarray(metrics)  # ready with the rest of its step
        return float(loss), float(norm)


def load(network: Any, file: str) -> None:
    """Give the network the weights that same_work.py wrote. Flax's gates come in our order: i, f, g, o."""
    with np.load(file) as found:
        network.embed.embedding[...] = found["embedding"]
        for number, layer in enumerate(network.layers):
            layer.cell.dense_i.kernel[...] = found[f"inputs.{number}"]
            layer.cell.dense_h.kernel[...] = found[f"weights.{number}"]
            layer.cell.dense_h.bias[...] = found[f"biases.{number}"]
        network.output.kernel[...] = found["output"]
        network.output.bias[...] = found["output_bias"]


def prepare(job: Job) -> Stock:
    """The stock network, compiled at its first step."""
    return Stock(job)
