"""Loss, accuracy and bits per byte of a network on held-out text; and PPMd's bits per byte as a baseline."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pyppmd
from flax import nnx
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from model.architectures import LanguageModel
from training.data.dataset import HeldOut
from training.loop.devices import AXIS, full_mesh
from training.loop.optimizer import cross_entropy

MAX_WINDOW = 128
"""Most tokens of a row read at once."""
WINDOW_QUANTUM = 16
"""A window has a multiple of so many tokens."""
MAX_POSITIONS = 8192
"""Most tokens of all rows read at once: it bounds the memory that their logits take."""
PPMD_ORDERS = (6, 12)
PPMD_MEMORY = 256 << 20


@dataclass(frozen=True)
class Score:
    """Figures on one's own held-out turns: `loss` in nats per token, `accuracy` of the likeliest token, `bpb` bits per byte.

    bpb = total nats / (ln 2 x UTF-8 bytes), special tokens in neither sum: it survives a change of vocabulary.
    """

    loss: float
    accuracy: float
    bpb: float


class Evaluator:
    """Scores weights on one HeldOut in one pass; the carry goes from window to window and is emptied at each BOS.

    Windows and rows come in few sizes, so that another text finds the program compiled.
    """

    def __init__(self, graph: nnx.GraphDef[Any], held_out: HeldOut) -> None:
        rows, length = held_out.tokens.shape
        # As few windows as possible, all of one size: that leaves little padding.
        longest = min(MAX_WINDOW, max(1, MAX_POSITIONS // rows))
        number = max(1, -(-(length - 1) // longest))
        size = WINDOW_QUANTUM * max(1, -(-(length - 1) // (number * WINDOW_QUANTUM)))
        mesh = full_mesh(rows)
        self._rows = mesh.size * 2 ** (-(-rows // mesh.size) - 1).bit_length()
        padding = ((0, self._rows - rows), (0, number * size + 1 - length))
        tokens, counts = (np.pad(array, padding) for array in (held_out.tokens, held_out.counts))
        self._by_row, self._everywhere = NamedSharding(mesh, P(AXIS)), NamedSharding(mesh, P())
        self._windows = [
            jax.device_put((tokens[:, start : start + size + 1], counts[:, start + 1 : start + size + 1]), self._by_row)
            for start in range(0, number * size, size)
        ]
        self._graph, self._held_out, self._program = graph, held_out, _program(graph, mesh)

    def __call__(self, params: Any) -> Score:
        """Score `params`, the state that `graph` was split from."""
        # Through this host's memory: arrays cannot be moved from one mesh to another directly.
        params = jax.device_put(jax.device_get(params), self._everywhere)
        carry = jax.device_put(nnx.merge(self._graph, params).initial_carry(self._rows), self._by_row)
        state = (carry, jax.device_put(np.zeros(2, np.float32), self._everywhere))
        for window in self._windows:
            # One at a time: on few cores, many that wait for each other's devices block all threads that could go on.
            state = jax.block_until_ready(self._program(params, state, window))
        nats, correct = np.asarray(state[1]).tolist()
        tokens = self._held_out.num_tokens
        return Score(nats / tokens, correct / tokens, nats / (math.log(2) * self._held_out.num_bytes))


@lru_cache(maxsize=8)
def _program(graph: nnx.GraphDef[Any], mesh: Mesh) -> Callable[..., Any]:
    """`_advance`, compiled once for all texts that a network of this shape is scored on."""
    rows, specs = P(AXIS), (P(AXIS), P())
    sharded = jax.shard_map(
        partial(_advance, graph), mesh=mesh, in_specs=(P(), specs, (rows, rows)), out_specs=specs, check_vma=False
    )
    return jax.jit(sharded)


def _advance(graph: nnx.GraphDef[Any], params: Any, state: Any, window: Any) -> Any:
    """Read a window; `state` is the carry and the sums so far of nats and of correct guesses."""
    (carry, totals), (tokens_SxT1, counts_SxT) = state, window
    model: Any = nnx.merge(graph, params)
    logits_SxTxV, carry = model(tokens_SxT1[:, :-1], carry)
    correct_SxT = logits_SxTxV.argmax(-1) == tokens_SxT1[:, 1:]
    nats_SxT = cross_entropy(logits_SxTxV, tokens_SxT1[:, 1:])
    sums = jnp.stack([(nats_SxT * counts_SxT).sum(), (correct_SxT * counts_SxT).sum()])
    return carry, totals + jax.lax.psum(sums, AXIS)


def scored(model: LanguageModel, held_out: HeldOut) -> Score:
    """The score of a network on all of `held_out`."""
    return Evaluator(nnx.graphdef(model), held_out)(nnx.state(model, nnx.Param))


def ppmd_bpb(train: Sequence[str], val: Sequence[str]) -> float:
    """PPMd's bits per byte on `val` given `train`, posts joined by newlines: C(train + val) - C(train), variant H.

    The better of a low and a high order: what counting contexts achieves, a baseline for every network.
    """
    before, after = "\n".join(train).encode(), "\n".join([*train, *val]).encode()
    size = min(_compressed_size(after, order) - _compressed_size(before, order) for order in PPMD_ORDERS)
    return 8 * size / (len(after) - len(before))


def _compressed_size(data: bytes, order: int) -> int:
    encoder = pyppmd.Ppmd7Encoder(order, PPMD_MEMORY)
    return len(encoder.encode(data)) + len(encoder.flush())
