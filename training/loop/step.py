"""One optimiser step, several a dispatch, all on the devices. Knows no clock, no files and no evaluation.

Truncated BPTT over parallel streams: the train tokens form a ring, cut into `batch_size` streams; each step takes the
next `bptt_length` tokens of every stream and hands the carry on, so the network remembers beyond what gradients reach.
Conversations end inside windows; the network empties its own carry at BOS. The ring starts at another place each epoch.

Every device has all the weights and its share of the streams; gradients are added up once a step. What chance decides
is drawn by the stream's number, so one device or four take the same steps.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from model.architectures import LanguageModel
from model.architectures.parts.dropout import DropoutKeys, dropout_keys
from training.config.tables import TrainConfig
from training.data.dataset import TokenStream
from training.loop.clock import DISPATCH_STEPS
from training.loop.devices import AXIS, make_mesh
from training.loop.optimizer import cross_entropy, global_norm, optimizer
from training.loop.precision import compute_dtype


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


_SPECS: Any = TrainState(params=P(), opt_state=P(), average=P(), carry=P(AXIS), step=P())  # type: ignore[arg-type]


def _placed(state: TrainState, mesh: Mesh) -> TrainState:
    """`state` on the devices of `mesh`: the streams' carry dealt out, everything else on each."""
    places = jax.tree.map(lambda spec: NamedSharding(mesh, spec), _SPECS)
    return TrainState(*(jax.device_put(part, place) for part, place in zip(state, places, strict=True)))


def num_streams(config: TrainConfig, stream: TokenStream) -> int:
    """`batch_size`, or fewer where the text is too short to give each stream a window of its own; as many on each host."""
    hosts: int = jax.process_count()
    return hosts * max(1, min(config.batch_size, len(stream) // config.bptt_length) // hosts)


def steps_per_epoch(config: TrainConfig, stream: TokenStream) -> int:
    """Steps that read the text once; what is left of a stream behind its last whole window waits for another epoch."""
    return max(1, len(stream) // num_streams(config, stream) // config.bptt_length)


def make_dispatch(model: LanguageModel, config: TrainConfig, stream: TokenStream) -> Dispatch:
    """Compile `dispatch(state, rates[DISPATCH_STEPS], n) -> (state, metrics[DISPATCH_STEPS, 2])`.

    It takes n steps at the given learning rates without leaving the devices; a row of metrics is (loss, gradient norm).
    The stream's tokens live on the devices too.
    """
    graph = nnx.graphdef(model)
    chain = optimizer(config)
    products_of = compute_dtype(config)
    streams, window, size = num_streams(config, stream), config.bptt_length, len(stream)
    mesh = make_mesh(config, streams)
    spacing = size // streams
    epoch_steps = steps_per_epoch(config, stream)
    share = streams // mesh.size
    order_key, noise_key, reset_key = jax.random.split(jax.random.key(config.seed), 3)

    def loss(params: Any, read: Window, carry: Any, counted: jax.Array, noise: DropoutKeys) -> tuple[jax.Array, Any]:
        network: Any = nnx.merge(graph, params)
        logits, carry = network(read.tokens[:, :-1], carry, noise=noise, dtype=products_of)
        nats = cross_entropy(logits, read.tokens[:, 1:]) * read.weights[:, 1:]
        return nats.sum() / counted, carry

    def windows(step: jax.Array, rows: jax.Array, data: Window) -> Window:
        """What the streams `rows` read in `step`."""
        epoch, place = step // epoch_steps, step % epoch_steps
        start = jax.random.randint(jax.random.fold_in(order_key, epoch), (), 0, size) if config.random_offsets else 0
        at = (start + spacing * rows[:, None] + window * place + jnp.arange(window + 1)) % size
        return Window(data.tokens[at], data.weights[at])

    def remembered(step: jax.Array, rows: jax.Array, carry: Any) -> Any:
        """The carry to begin a window with: empty at an epoch's start, and now and then, so that the network knows both."""
        keep = jnp.full(share, step % epoch_steps > 0)
        if config.resets:
            key = jax.random.fold_in(reset_key, step)
            chance = jax.vmap(lambda row: jax.random.uniform(jax.random.fold_in(key, row)))(rows)
            keep &= chance >= config.resets
        return jax.tree.map(lambda array: array * keep.reshape(share, *[1] * (array.ndim - 1)), carry)

    def step(state: TrainState, rate: jax.Array, data: Window) -> tuple[TrainState, jax.Array]:
        rows = share * jax.lax.axis_index(AXIS) + jnp.arange(share)
        # All streams' weights, not this device's: the mean is over the batch, and needs no meeting of its own.
        counted = jnp.maximum(windows(state.step, jnp.arange(streams), data).weights[:, 1:].sum(), 1.0)
        noise = dropout_keys(jax.random.fold_in(noise_key, state.step), rows)
        carry = remembered(state.step, rows, state.carry)
        read = windows(state.step, rows, data)
        (value, carry), gradient = jax.value_and_grad(loss, has_aux=True)(state.params, read, carry, counted, noise)
        value, gradient = jax.lax.psum((value, gradient), AXIS)
        updates, opt_state = chain.update(gradient, state.opt_state, state.params)
        params = jax.tree.map(lambda param, update: param - rate * update, state.params, updates)
        # Early on the average follows closely: otherwise it would remember the random start.
        decay = jnp.minimum(config.average, (1.0 + state.step) / (10.0 + state.step))
        average = jax.tree.map(lambda old, new: decay * old + (1.0 - decay) * new, state.average, params)
        metrics = jnp.stack([value, global_norm(gradient)])
        return TrainState(params, opt_state, average, carry, state.step + 1), metrics

    def steps(state: TrainState, rates: jax.Array, count: jax.Array, data: Window) -> tuple[TrainState, jax.Array]:
        def body(number: jax.Array, done: tuple[TrainState, jax.Array]) -> tuple[TrainState, jax.Array]:
            state, metrics = done
            state, row = step(state, rates[number], data)
            return state, metrics.at[number].set(row)

        done: tuple[TrainState, jax.Array] = jax.lax.fori_loop(0, count, body, (state, jnp.zeros((DISPATCH_STEPS, 2))))
        return done

    on_all = NamedSharding(mesh, P())
    data = jax.device_put(Window(jnp.asarray(stream.tokens), jnp.asarray(stream.weights)), on_all)
    # Without check_vma, a gradient is the device's own until psum adds them up.
    sharded = jax.shard_map(
        steps, mesh=mesh, in_specs=(_SPECS, P(), P(), P()), out_specs=(_SPECS, P()), check_vma=False
    )
    compiled = jax.jit(sharded, donate_argnums=0)
    return lambda state, rates, count: compiled(_placed(state, mesh), rates, count, data)


class Window(NamedTuple):
    """Tokens and what each counts: `[S, bptt_length + 1]` of some streams, or `[N]` of the whole ring."""

    tokens: jax.Array
    weights: jax.Array
