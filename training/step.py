"""One optimiser step, several a dispatch, all on the device. Knows no clock, no files and no evaluation.

Truncated BPTT over parallel streams: the train tokens form a ring, cut into `batch_size` streams; each step takes the
next `bptt_length` tokens of every stream and hands the carry on, so the network remembers beyond what gradients reach.
Conversations end inside windows; the network empties its own carry at BOS. The ring starts at another place each epoch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from training.clock import DISPATCH_STEPS
from training.config import TrainConfig
from training.dataset import TokenStream
from training.optimizer import cross_entropy, global_norm, optimizer


class TrainState(NamedTuple):
    """Everything a step changes, on the device. `average` is an exponential moving average of `params`."""

    params: Any
    opt_state: Any
    average: Any
    carry: Any
    step: jax.Array


Dispatch = Callable[[TrainState, np.ndarray, int], tuple[TrainState, jax.Array]]


def initial_state(model: LanguageModel, config: TrainConfig, stream: TokenStream) -> TrainState:
    """The state before the first step; a copy, so that giving its buffers to a step leaves the model alone."""
    params = jax.tree.map(jnp.copy, nnx.state(model, nnx.Param))
    carry = model.initial_carry(num_streams(config, stream))
    return TrainState(params, optimizer(config).init(params), jax.tree.map(jnp.copy, params), carry, jnp.int32(0))


def num_streams(config: TrainConfig, stream: TokenStream) -> int:
    """`batch_size`, or fewer where the text is too short to give each stream a window of its own."""
    return max(1, min(config.batch_size, len(stream) // config.bptt_length))


def steps_per_epoch(config: TrainConfig, stream: TokenStream) -> int:
    """Steps that read the text once; what is left of a stream behind its last whole window waits for another epoch."""
    return max(1, len(stream) // num_streams(config, stream) // config.bptt_length)


def make_dispatch(model: LanguageModel, config: TrainConfig, stream: TokenStream) -> Dispatch:
    """Compile `dispatch(state, rates[DISPATCH_STEPS], n) -> (state, metrics[DISPATCH_STEPS, 2])`.

    It takes n steps at the given learning rates without leaving the device; a row of metrics is (loss, gradient norm).
    """
    graph = nnx.graphdef(model)
    chain = optimizer(config)
    tokens, weights = jnp.asarray(stream.tokens), jnp.asarray(stream.weights)
    streams, window, size = num_streams(config, stream), config.bptt_length, len(stream)
    spacing = size // streams
    epoch_steps = steps_per_epoch(config, stream)
    key = jax.random.key(config.seed)
    order_key, dropout_key = jax.random.split(key)

    def loss(params: Any, tokens: jax.Array, weights: jax.Array, carry: Any, key: jax.Array) -> tuple[jax.Array, Any]:
        network: Any = nnx.merge(graph, params)
        logits, carry = network(tokens[:, :-1], carry, dropout_key=key)
        counted = cross_entropy(logits, tokens[:, 1:]) * weights[:, 1:]
        return counted.sum() / jnp.maximum(weights[:, 1:].sum(), 1.0), carry

    def step(state: TrainState, rate: jax.Array) -> tuple[TrainState, jax.Array]:
        epoch, place = state.step // epoch_steps, state.step % epoch_steps
        start = jax.random.randint(jax.random.fold_in(order_key, epoch), (), 0, size) if config.random_offsets else 0
        rows = start + spacing * jnp.arange(streams)[:, None] + window * place + jnp.arange(window + 1)
        carry = jax.tree.map(lambda array: array * (place > 0), state.carry)
        (value, carry), gradient = jax.value_and_grad(loss, has_aux=True)(
            state.params, tokens[rows % size], weights[rows % size], carry, jax.random.fold_in(dropout_key, state.step)
        )
        updates, opt_state = chain.update(gradient, state.opt_state, state.params)
        params = jax.tree.map(lambda param, update: param - rate * update, state.params, updates)
        # Early on the average follows closely: otherwise it would remember the random start.
        decay = jnp.minimum(config.average, (1.0 + state.step) / (10.0 + state.step))
        average = jax.tree.map(lambda old, new: decay * old + (1.0 - decay) * new, state.average, params)
        metrics = jnp.stack([value, global_norm(gradient)])
        return TrainState(params, opt_state, average, carry, state.step + 1), metrics

    def dispatch(state: TrainState, rates: jax.Array, steps: jax.Array) -> tuple[TrainState, jax.Array]:
        def body(number: jax.Array, done: tuple[TrainState, jax.Array]) -> tuple[TrainState, jax.Array]:
            state, metrics = done
            state, row = step(state, rates[number])
            return state, metrics.at[number].set(row)

        done: tuple[TrainState, jax.Array] = jax.lax.fori_loop(0, steps, body, (state, jnp.zeros((DISPATCH_STEPS, 2))))
        return done

    return cast("Dispatch", jax.jit(dispatch, donate_argnums=0))
