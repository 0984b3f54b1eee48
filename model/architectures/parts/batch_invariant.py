"""Products of some rows with a weight, in which a row comes out the same, bit for bit, however many rows there are.

Float addition is not associative, and in which order XLA adds up a product depends on how many rows it has. So the plain way
is to multiply ROWS rows at a time, always. It is not the fastest: one row alone is a matter of reading the weight, and many
rows should read it seldom. Therefore other ways are tried, once for each shape, on random numbers; the first that gives the
plain way's bits is taken. An order that differed in one place would show in most of the sums.
"""

from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

ROWS = 4
MOST = 32

Way = Callable[[jax.Array, jax.Array], jax.Array]


def batch_invariant_matmul(rows: jax.Array, weight: jax.Array) -> jax.Array:
    """`rows[B, K]` times `weight[K, N]`."""
    ways = [way for size, way in _good_ways(*weight.shape) if size <= len(rows) and (size > 1 or len(rows) == 1)]
    # Nothing must be fused with a product that was tried without it.
    rows, weight = jax.lax.optimization_barrier((rows, weight))
    way = ways[0] if ways else partial(_in_parts, ROWS)
    return jnp.asarray(jax.lax.optimization_barrier(way(rows, weight)))


@lru_cache(maxsize=256)
def _good_ways(inputs: int, outputs: int) -> list[tuple[int, Way]]:
    """The ways that give the plain one's bits for weights `[inputs, outputs]`, and the rows each is for; fastest first."""
    chance = np.random.default_rng(0)
    with jax.ensure_compile_time_eval():  # it is asked for while a program is traced
        rows = jnp.asarray(chance.standard_normal((MOST, inputs), np.float32))
        weight = jnp.asarray(chance.standard_normal((inputs, outputs), np.float32))
        found = [np.asarray(array) for array in jax.jit(_tried)(rows, weight)]
    plain, *others = found
    return [way for way, result in zip(WAYS, others, strict=True) if np.array_equal(result, plain[: len(result)])]


def _in_parts(size: int, rows: jax.Array, weight: jax.Array) -> jax.Array:
    """`size` rows at a time, the last of them with zeros where there are no more."""
    padded = jnp.pad(rows, ((0, -len(rows) % size), (0, 0)))
    parts = [part @ weight for part in jnp.split(padded, len(padded) // size)]
    return jnp.concatenate(parts)[: len(rows)]


def _in_pieces(row: jax.Array, weight: jax.Array) -> jax.Array:
    """The sums of equal pieces of one row, added up: what XLA's kernels for some rows make of a large weight."""
    piece = 1 << max((len(weight) // 2).bit_length() - 1, 0)
    if len(weight) % piece:
        return row @ weight
    pieces = jnp.einsum("pok,pkn->pon", row.reshape(-1, 1, piece), weight.reshape(-1, piece, weight.shape[1]))
    total = pieces[0]
    for more in pieces[1:]:
        total = total + more
    return total


WAYS: list[tuple[int, Way]] = [
    (MOST, partial(_in_parts, MOST)),
    (16, partial(_in_parts, 16)),
    (1, jnp.matmul),
    (1, _in_pieces),
]


def _tried(rows: jax.Array, weight: jax.Array) -> list[jax.Array]:
    """The plain way's product, and each other's of the rows that it is for."""
    plain = jax.lax.map(lambda part: part @ weight, rows.reshape(-1, ROWS, rows.shape[1]))
    apart = [jax.lax.optimization_barrier(rows[:size]) for size, _ in WAYS]
    return [plain.reshape(len(rows), -1), *(way(some, weight) for some, (_, way) in zip(apart, WAYS, strict=True))]
