"""Loss, accuracy and bits per byte of a network on held-out text; and PPMd's bits per byte as a baseline."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pyppmd
from flax import nnx
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from model.architectures import LanguageModel
from training.data.dataset import HeldOut
from training.loop.devices import AXIS, full_mesh
from training.loop.optimizer import cross_entropy

MAX_WINDOW = 128
"""Most tokens of a row read at once."""
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
    """Scores weights on one HeldOut in one pass; the carry goes from window to window and is emptied at each BOS."""

    def __init__(self, graph: nnx.GraphDef[Any], held_out: HeldOut) -> None:
        rows, length = held_out.tokens.shape
        # As few windows as possible, all of one size: that leaves the least padding.
        longest = min(MAX_WINDOW, max(1, MAX_POSITIONS // rows))
        number = max(1, -(-(length - 1) // longest))
        size = max(1, -(-(length - 1) // number))
        padding = number * size - (length - 1)
        mesh = full_mesh(rows)
        share = -(-rows // mesh.size)
        by_row = NamedSharding(mesh, P(AXIS))
        self._everywhere = NamedSharding(mesh, P())
        self._tokens, self._counts = (
            jax.device_put(np.pad(array, ((0, share * mesh.size - rows), (0, padding))), by_row)
            for array in (held_out.tokens, held_out.counts)
        )
        self._held_out = held_out
        totals = self._build(graph, share, number, size)
        self._totals = jax.jit(
            jax.shard_map(totals, mesh=mesh, in_specs=(P(), P(AXIS), P(AXIS)), out_specs=P(), check_vma=False)
        )

    def __call__(self, params: Any) -> Score:
        """Score `params`, the state that `graph` was split from."""
        # Through this host's memory: arrays cannot be moved from one mesh to another directly.
        params = jax.device_put(jax.device_get(params), self._everywhere)
        nats, correct = (float(total) for total in self._totals(params, self._tokens, self._counts))
        tokens = self._held_out.num_tokens
        return Score(nats / tokens, correct / tokens, nats / (math.log(2) * self._held_out.num_bytes))

    @staticmethod
    def _build(
        graph: nnx.GraphDef[Any], rows: int, windows: int, size: int
    ) -> Callable[..., tuple[jax.Array, jax.Array]]:
        def totals(params: Any, tokens: jax.Array, counts: jax.Array) -> tuple[jax.Array, jax.Array]:
            model: Any = nnx.merge(graph, params)

            def window(carry: Any, number: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
                seen = jax.lax.dynamic_slice_in_dim(tokens, number * size, size + 1, axis=1)
                count = jax.lax.dynamic_slice_in_dim(counts, number * size + 1, size, axis=1)
                logits, carry = model(seen[:, :-1], carry)
                correct = logits.argmax(-1) == seen[:, 1:]
                return carry, ((cross_entropy(logits, seen[:, 1:]) * count).sum(), (correct * count).sum())

            _, (nats, correct) = jax.lax.scan(window, model.initial_carry(rows), jnp.arange(windows))
            total: tuple[jax.Array, jax.Array] = jax.lax.psum((nats.sum(), correct.sum()), AXIS)
            return total

        return totals


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
