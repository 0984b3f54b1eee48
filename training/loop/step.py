"""The compiled training step, several of them in one dispatch. Knows no clock, no files and no evaluation.

Truncated BPTT over parallel streams: the train tokens form a ring, cut into `batch_size` streams; each step takes the
next `bptt_length` tokens of every stream and hands the carry on, so the network remembers beyond what gradients reach.
Conversations end inside windows; the network empties its own carry at BOS. The ring starts at another offset each epoch.

Every device has all the weights and its share of the streams; gradients are added up once a step. Random keys are folded
with the stream's number, so one device or four take the same steps.

Shape suffixes: S streams of one device (or of all), T = bptt_length, T1 = T + 1, N tokens of the ring, V the vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
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
from training.loop.devices import AXIS, compute_dtype, make_mesh
from training.loop.optimizer import cross_entropy, global_norm, optimizer


class TrainState(NamedTuple):
    """Everything a step changes, on the devices. `average` is an exponential moving average of `params`."""

    params: Any
    opt_state: Any
    average: Any
    carry: Any
    step: jax.Array


RING_QUANTUM = 4096
"""A ring's arrays have a multiple of this length, of an eighth of their size if it is larger: few lengths, few programs."""
OF_A_RUN = ("minutes", "steps", "tokens", "epochs", "seed", "learning_rate", "evaluations", "save_seconds")
"""Settings that no step depends on: when a run ends and is saved, and what reaches the program as an argument."""
Dispatch = Callable[[TrainState, np.ndarray, int], tuple[TrainState, jax.Array]]


def initial_state(model: LanguageModel, config: TrainConfig, stream: TokenStream) -> TrainState:
    """The state before the first step; a copy, as a step donates its buffers and the model keeps its own."""
    params = jax.tree.map(jnp.copy, nnx.state(model, nnx.Param))
    carry = model.initial_carry(num_streams(config, stream))
    return TrainState(params, optimizer(config).init(params), jax.tree.map(jnp.copy, params), carry, jnp.int32(0))


_SPECS: Any = TrainState(params=P(), opt_state=P(), average=P(), carry=P(AXIS), step=P())  # type: ignore[arg-type]
"""Where each part is: the carry split by stream, everything else on each device."""


def num_streams(config: TrainConfig, stream: TokenStream) -> int:
    """`batch_size`, or fewer if the text is too short for a window in each stream; the same number on each host."""
    hosts: int = jax.process_count()
    return hosts * max(1, min(config.batch_size, len(stream) // config.bptt_length) // hosts)


def steps_per_epoch(config: TrainConfig, stream: TokenStream) -> int:
    """Steps that read the text once; the rest of a stream behind its last whole window is left to other epochs."""
    return max(1, len(stream) // num_streams(config, stream) // config.bptt_length)


@dataclass(frozen=True)
class StepPlan:
    """All that a step depends on and no step changes; constants of the compiled program."""

    graph: nnx.GraphDef[Any]
    config: TrainConfig
    mesh: Mesh
    num_streams: int


class Ring(NamedTuple):
    """The training tokens with the loss weight of each, `size` of them and padding; and the run's random keys.

    Arguments and not constants of the program: fresh posts or another seed find it compiled.
    """

    tokens_N: Any
    weights_N: Any
    size: Any
    steps_per_epoch: Any
    order_key: Any
    noise_key: Any
    reset_key: Any


Window = tuple[jax.Array, jax.Array]
"""The tokens and weights `[S, T1]` that some streams read in one step: each token is the target of the one before it."""


def make_dispatch(model: LanguageModel, config: TrainConfig, stream: TokenStream) -> Dispatch:
    """Compile `dispatch(state, rates[DISPATCH_STEPS], n) -> (state, metrics[DISPATCH_STEPS, 2])`.

    It takes n steps at the given learning rates without leaving the devices; a row of metrics is (loss, gradient norm).
    The stream's tokens live on the devices too.
    """
    streams = num_streams(config, stream)
    settled = config.model_copy(update={name: TrainConfig.model_fields[name].default for name in OF_A_RUN})
    plan = StepPlan(nnx.graphdef(model), settled, make_mesh(config, streams), streams)
    ring = jax.device_put(_make_ring(config, stream), NamedSharding(plan.mesh, P()))
    compiled = _program(plan)
    places = jax.tree.map(lambda spec: NamedSharding(plan.mesh, spec), _SPECS)
    return lambda state, rates, count: compiled(TrainState(*map(jax.device_put, state, places)), rates, count, ring)


@lru_cache(maxsize=8)
def _program(plan: StepPlan) -> Callable[..., tuple[TrainState, jax.Array]]:
    """`_run_steps`, traced and compiled once for all runs of a process that take the same steps, as a sweep's seeds do."""
    # Without check_vma, a gradient is the device's own until psum adds them up.
    sharded = jax.shard_map(
        partial(_run_steps, plan),
        mesh=plan.mesh,
        in_specs=(_SPECS, P(), P(), P()),
        out_specs=(_SPECS, P()),
        check_vma=False,
    )
    return jax.jit(sharded, donate_argnums=0)


def _make_ring(config: TrainConfig, stream: TokenStream) -> Ring:
    quantum = max(RING_QUANTUM, 1 << len(stream).bit_length() >> 4)
    padding = (0, -len(stream) % quantum)
    keys = jax.random.key_data(jax.random.split(jax.random.key(config.seed), 3))
    return Ring(
        np.pad(stream.tokens, padding),
        np.pad(stream.weights, padding),
        np.int32(len(stream)),
        np.int32(steps_per_epoch(config, stream)),
        *np.asarray(keys),
    )


def _run_steps(
    plan: StepPlan, state: TrainState, rates: jax.Array, count: jax.Array, ring: Ring
) -> tuple[TrainState, jax.Array]:
    """Run `count` steps on one device; row i of the metrics is step i's."""

    def body(number: jax.Array, before: tuple[TrainState, jax.Array]) -> tuple[TrainState, jax.Array]:
        state, metrics = before
        state, row = _train_step(plan, state, rates[number], ring)
        return state, metrics.at[number].set(row)

    metrics = jnp.zeros((DISPATCH_STEPS, 2))
    after: tuple[TrainState, jax.Array] = jax.lax.fori_loop(0, count, body, (state, metrics))
    return after


def _train_step(plan: StepPlan, state: TrainState, rate: jax.Array, ring: Ring) -> tuple[TrainState, jax.Array]:
    """One step: this device's gradient, added up over all devices, then the update, which is the same on each."""
    num_here = plan.num_streams // plan.mesh.size
    streams_S = num_here * jax.lax.axis_index(AXIS) + jnp.arange(num_here)
    # All streams' weights, not this device's: the mean is over the batch, and needs no communication of its own.
    _, all_weights_SxT1 = _read_window(plan, state.step, jnp.arange(plan.num_streams), ring)
    num_counted = jnp.maximum(all_weights_SxT1[:, 1:].sum(), 1.0)
    noise = dropout_keys(_step_key(ring.noise_key, state.step), streams_S)
    carry = _reset_carry(plan, state.step, streams_S, ring, state.carry)
    window = _read_window(plan, state.step, streams_S, ring)
    loss_and_gradient = jax.value_and_grad(partial(_loss, plan), has_aux=True)
    (_, (loss, carry)), gradient = loss_and_gradient(state.params, window, carry, num_counted, noise)
    loss, gradient = jax.lax.psum((loss, gradient), AXIS)
    if plan.config.loss == "sum":  # the reported loss stays the mean, so that curves compare
        gradient = jax.tree.map(lambda leaf: leaf * num_counted, gradient)
    updates, opt_state = optimizer(plan.config).update(gradient, state.opt_state, state.params, rate=rate)
    params = jax.tree.map(lambda param, update: param - rate * update, state.params, updates)
    # Early on the average follows closely: otherwise it would remember the random start.
    decay = jnp.minimum(plan.config.average, (1.0 + state.step) / (10.0 + state.step))
    average = jax.tree.map(lambda old, new: decay * old + (1.0 - decay) * new, state.average, params)
    metrics = jnp.stack([loss, global_norm(gradient)])
    return TrainState(params, opt_state, average, carry, state.step + 1), metrics


def _read_window(plan: StepPlan, step: jax.Array, streams_S: jax.Array, ring: Ring) -> Window:
    """The window that these streams read in `step`."""
    length = plan.config.bptt_length
    unit = length if plan.config.windows == "conversations" else 1
    count = ring.size // unit
    epoch, step_in_epoch = step // ring.steps_per_epoch, step % ring.steps_per_epoch
    offset: jax.Array | int = 0  # where in the ring the epoch's first stream begins
    if plan.config.random_offsets:
        offset = jax.random.randint(_step_key(ring.order_key, epoch), (), 0, count)
    # Of a ring of 100 tokens in 4 streams of windows of 5, stream 2 reads 65, 66, ... 70 in step 3 of an epoch with offset 0.
    first_S = unit * ((offset + count // plan.num_streams * streams_S + length // unit * step_in_epoch) % count)
    index_SxT1 = (first_S[:, None] + jnp.arange(length + 1)) % ring.size
    return ring.tokens_N[index_SxT1], ring.weights_N[index_SxT1]


def _reset_carry(plan: StepPlan, step: jax.Array, streams_S: jax.Array, ring: Ring, carry: Any) -> Any:
    """Empty the carry at an epoch's start and, with probability `resets`, elsewhere: the network learns to start cold.

    `carry` "refresh" empties it before every window, so that nothing further back than the window is ever known.
    """
    count = len(streams_S)
    keep_S = jnp.full(count, False if plan.config.carry == "refresh" else step % ring.steps_per_epoch > 0)
    if plan.config.resets:
        key = _step_key(ring.reset_key, step)
        uniform_S = jax.vmap(lambda stream: jax.random.uniform(jax.random.fold_in(key, stream)))(streams_S)
        keep_S &= uniform_S >= plan.config.resets
    return jax.tree.map(lambda array: array * keep_S.reshape(count, *[1] * (array.ndim - 1)), carry)


def _step_key(key_data: jax.Array, number: jax.Array) -> jax.Array:
    """The key of a step, or of an epoch. Between devices keys travel as plain data."""
    return jax.random.fold_in(jax.random.wrap_key_data(key_data), number)


def _loss(
    plan: StepPlan, params: Any, window: Window, carry: Any, num_counted: jax.Array, noise: DropoutKeys
) -> tuple[jax.Array, Any]:
    """One device's part of the mean loss, in nats per counted token; and that without the network's own, and the carry.

    A network may add to the loss of each token what its gradient is to be of too: halting does (LanguageModel has how).
    Curves show the loss without it, which is what held-out text is scored by.
    """
    network: Any = nnx.merge(plan.graph, params)
    tokens_SxT1, weights_SxT1 = window
    call = getattr(network, "call_with_extra_loss", network)
    logits_SxTxV, carry, *extra = call(tokens_SxT1[:, :-1], carry, noise=noise, dtype=compute_dtype(plan.config))
    nats_SxT = cross_entropy(logits_SxTxV, tokens_SxT1[:, 1:]) * weights_SxT1[:, 1:]
    loss = nats_SxT.sum() / num_counted
    parts = ((extra_SxT * weights_SxT1[:, 1:]).sum() / num_counted for extra_SxT in extra)
    return sum(parts, start=loss), (loss, carry)
