"""Nothing but the products of decoding with one-hot input, by JAX: the limit of any decoding that multiplies.

The layout that is fastest for so many streams is found out first: the batch first or last.
"""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from tests.bench.rounds.job import DECODE_STEPS, Job

TRIALS = 7


class Products:
    """A step multiplies what DECODE_STEPS tokens of every stream do."""

    def __init__(self, job: Job) -> None:
        shape = job.shape
        H, G, V = shape.hidden, 4 * shape.hidden, shape.vocab
        sizes = [(H, G)] * (2 * shape.layers - 1) + [(H, V)]
        keys = jax.random.split(jax.random.key(0), len(sizes))
        weights = [jax.random.normal(key, size) for key, size in zip(keys, sizes, strict=True)]
        turned = [weight.T.copy() for weight in weights]
        rows = jax.random.normal(jax.random.key(1), (shape.batch, H))
        self.choices: dict[str, Callable[[], object]] = {
            "first": lambda: _rows_first(rows, weights),
            "last": lambda: _rows_last(rows.T, turned),
        }
        self.choice, self.flops, self.facts = "first", 1.0, dict[str, str]()

    def tune(self) -> None:
        """Take the faster layout."""
        seconds = {}
        for name, multiply in self.choices.items():
            jax.block_until_ready(multiply())
            seconds[name] = statistics.median(_timed(multiply) for _ in range(TRIALS))
        self.choice = min(seconds, key=lambda name: seconds[name])
        self.facts = {"the batch": self.choice}

    def steps(self, count: int) -> tuple[float, float]:
        """Multiply; there is no loss."""
        for _ in range(count):
            jax.block_until_ready(self.choices[self.choice]())
        return 0.0, 0.0


def _timed(multiply: Callable[[], object]) -> float:
    began = time.perf_counter()
    jax.block_until_ready(multiply())
    return time.perf_counter() - began


@jax.jit
def _rows_first(rows: jax.Array, weights: list[jax.Array]) -> jax.Array:
    def once(rows: jax.Array, _: None) -> tuple[jax.Array, None]:
        for weight in weights:
            rows = (rows @ weight)[:, : rows.shape[1]]
        return rows, None

    return jnp.asarray(jax.lax.scan(once, rows, length=DECODE_STEPS)[0])


@jax.jit
def _rows_last(rows: jax.Array, weights: list[jax.Array]) -> jax.Array:
    def once(rows: jax.Array, _: None) -> tuple[jax.Array, None]:
        for weight in weights:
            rows = (weight @ rows)[: len(rows)]
        return rows, None

    return jnp.asarray(jax.lax.scan(once, rows, length=DECODE_STEPS)[0])


def prepare(job: Job) -> Products:
    """Both layouts."""
    return Products(job)
