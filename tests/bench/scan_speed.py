"""The scan's own gradient against plain autodiff of the same LSTM cell: milliseconds a forward and backward pass."""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from model.lstm import LSTM
from model.recurrence import Carry, scan

STREAMS, WINDOW, HIDDEN = 32, 64, 384
"""The shape that `dann train --minutes 3` uses for a megabyte of text."""


def plain(inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> jax.Array:
    """The same recurrence, left to JAX to differentiate."""

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = tuple(array * keep[:, None] for array in carry)
        carry = LSTM.cell(x, carry[-1] @ weight, carry)
        return carry, carry[-1]

    return jax.lax.scan(step, carry, (inputs, keep))[1]


def own(inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> jax.Array:
    """The recurrence with the gradient in model/recurrence.py."""
    return scan(LSTM.cell, inputs, weight, carry, keep)[0]


def run(quick: bool) -> str:
    """Alternate both, round by round, and report the ratio of each round with its spread."""
    keys = jax.random.split(jax.random.key(0), 3)
    inputs = jax.random.normal(keys[0], (WINDOW, STREAMS, 4 * HIDDEN))
    weight = 0.05 * jax.random.normal(keys[1], (HIDDEN, 4 * HIDDEN))
    keep = (jax.random.uniform(keys[2], (WINDOW, STREAMS)) > 0.05).astype(jnp.float32)
    carry = (jnp.zeros((STREAMS, HIDDEN)), jnp.zeros((STREAMS, HIDDEN)))

    def timed(forward: Callable[..., jax.Array]) -> Callable[[], float]:
        step = jax.jit(jax.grad(lambda i, w: (forward(i, w, carry, keep) ** 2).sum(), argnums=(0, 1)))
        step(inputs, weight)[1].block_until_ready()  # compiles

        def measure() -> float:
            begin = time.perf_counter()
            for _ in range(5):
                step(inputs, weight)[1].block_until_ready()
            return (time.perf_counter() - begin) / 5 * 1000

        return measure

    ours, theirs = timed(own), timed(plain)
    rounds = [(ours(), theirs()) for _ in range(5 if quick else 15)]
    ratios = [second / first for first, second in rounds]
    low, middle, high = statistics.quantiles(ratios, n=4)
    mine, autodiff = (statistics.median(times) for times in zip(*rounds, strict=True))
    return (
        f"1 x {HIDDEN}, {STREAMS} streams of {WINDOW}: {mine:,.0f} ms, plain autodiff {autodiff:,.0f} ms; "
        f"autodiff / ours {middle:.2f} (quartiles {low:.2f} to {high:.2f}, {len(rounds)} rounds)"
    )
