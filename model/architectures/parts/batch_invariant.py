"""Batch-invariant matmuls: a row of the result has the same bits however many rows are multiplied at once.

Float addition is not associative, and the order in which XLA adds up a matmul depends on its number of rows. So the reference
method always multiplies ROWS rows at a time. It is not the fastest: the cost of one row is reading the weight, and many rows
should share that. Therefore other methods are tried, once for each shape, on random numbers; the first with the reference's
bits is used. An order of addition that differed anywhere would show in most of the sums.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

ROWS = 4
MAX_ROWS = 32
FAN_IN = 16
"""Blocks that batch_invariant_sum adds up in one loop."""

Method = Callable[[jax.Array, jax.Array], jax.Array]
_SHAPES_ONLY: ContextVar[bool] = ContextVar("shapes_only", default=False)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Try no methods in the block, which asks for shapes alone and computes nothing."""
    token = _SHAPES_ONLY.set(True)
    try:
        yield
    finally:
        _SHAPES_ONLY.reset(token)


def batch_invariant_matmul(rows: jax.Array, weight: jax.Array) -> jax.Array:
    """Multiply `rows[B, K]` by `weight[K, N]`, each row with the same bits for any B."""
    methods = [] if _SHAPES_ONLY.get() else _exact_methods(*weight.shape)
    usable = [method for size, method in methods if size <= len(rows) and (size > 1 or len(rows) == 1)]
    # Barriers: nothing may be fused with a matmul that was tried without it.
    rows, weight = jax.lax.optimization_barrier((rows, weight))
    method = usable[0] if usable else partial(_in_chunks, ROWS)
    return jnp.asarray(jax.lax.optimization_barrier(method(rows, weight)))


@lru_cache(maxsize=256)
def _exact_methods(inputs: int, outputs: int) -> list[tuple[int, Method]]:
    """The methods with the reference's bits for a weight `[inputs, outputs]`, and their numbers of rows; fastest first."""
    rng = np.random.default_rng(0)
    with jax.ensure_compile_time_eval():  # the caller is being traced
        rows = jnp.asarray(rng.standard_normal((MAX_ROWS, inputs), np.float32))
        weight = jnp.asarray(rng.standard_normal((inputs, outputs), np.float32))
        reference, *others = (np.asarray(array) for array in jax.jit(_try_methods)(rows, weight))
    return [
        method
        for method, result in zip(METHODS, others, strict=True)
        if np.array_equal(result, reference[: len(result)])
    ]


def _in_chunks(size: int, rows: jax.Array, weight: jax.Array) -> jax.Array:
    """Multiply `size` rows at a time, the last chunk padded with zeros."""
    padded = jnp.pad(rows, ((0, -len(rows) % size), (0, 0)))
    chunks = [chunk @ weight for chunk in jnp.split(padded, len(padded) // size)]
    return jnp.concatenate(chunks)[: len(rows)]


def _in_pieces(row: jax.Array, weight: jax.Array) -> jax.Array:
    """Multiply equal pieces of one row and add up the results, as XLA's kernels for several rows do with a large weight."""
    piece = 1 << max((len(weight) // 2).bit_length() - 1, 0)
    if len(weight) % piece:
        return row @ weight
    pieces = jnp.einsum("pok,pkn->pon", row.reshape(-1, 1, piece), weight.reshape(-1, piece, weight.shape[1]))
    total = pieces[0]
    for more in pieces[1:]:
        total = total + more
    return total


METHODS: list[tuple[int, Method]] = [
    (MAX_ROWS, partial(_in_chunks, MAX_ROWS)),
    (16, partial(_in_chunks, 16)),
    (1, jnp.matmul),
    (1, _in_pieces),
]


def _try_methods(rows: jax.Array, weight: jax.Array) -> list[jax.Array]:
    """The reference method's result, and each other's on as many rows as it is for."""
    reference = jax.lax.map(lambda chunk: chunk @ weight, rows.reshape(-1, ROWS, rows.shape[1]))
    inputs = [jax.lax.optimization_barrier(rows[:size]) for size, _ in METHODS]
    others = [method(some_rows, weight) for some_rows, (_, method) in zip(inputs, METHODS, strict=True)]
    return [reference.reshape(len(rows), -1), *others]


def batch_invariant_sum(values: jax.Array, axis: int = -1) -> jax.Array:
    """Add up an axis, not the first, of `values[B, ...]`, with the same bits for any B.

    XLA adds up in another order, depending on how many rows there are. So blocks are added to blocks, up to FAN_IN at a time,
    in the order that stands here: of 100 columns, 15 blocks of 7, then 7 blocks of 1.
    """
    axis %= values.ndim
    sums, width = jnp.asarray(jax.lax.optimization_barrier(values)), values.shape[axis]
    while width > 1:
        width = -(-width // FAN_IN)
        padding = [(0, -sums.shape[axis] % width * (number == axis)) for number in range(sums.ndim)]
        padded = jnp.pad(sums, padding) if sums.shape[axis] % width else sums
        first, *others = jnp.split(padded, padded.shape[axis] // width, axis)
        sums = jnp.asarray(jax.lax.optimization_barrier(sum(others, start=first)))
    return sums.squeeze(axis)
