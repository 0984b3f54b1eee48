"""The scan over time that every recurrent layer shares, and its gradient. Knows no cell's equations and no weights' names.

A cell is elementwise: it gets the input's part and the recurrent part of its gates, already multiplied, and the carry.
Everything that is a matrix product lives here, because that is what makes a scan fast on a CPU: one product a step going
forward, one going back, and the weight's gradient as one large product after the backward scan instead of one a step.

Within the scan the batch is the last axis. XLA's CPU product of a large matrix and a narrow one is then about 1.6 times as
fast as the other way round (measured at 16 to 32 columns), provided the matrix lies as it is read and the columns are a
multiple of four; and each gate is one contiguous block, so that the cell's arithmetic vectorises.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

Carry = tuple[jax.Array, ...]
"""A layer's memory: arrays `[B, H]`, the last of them the layer's output `h`; an LSTM's is `(c, h)`."""

Cell = Callable[[jax.Array, jax.Array, Carry], Carry]
"""`cell(x[G, B], r[G, B], carry of [H, B]) -> carry` with `r` the recurrent product; the batch comes last.

No parameters, no mixing between elements of a batch.
"""

COLUMNS = 4
"""A batch is padded to a multiple of this many: the width of the processor's vectors."""


def scan(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[jax.Array, Carry]:
    """Run `cell` over time; returns every step's output `[T, B, H]` and the last carry, arrays `[B, H]`.

    `inputs[T, B, G]` are the gates' input parts, `weight[H, G]` the recurrent matrix, `keep[T, B]` 1, or 0 where the
    carry is to be emptied before that step, as it is where a conversation begins.
    """
    steps, batch, _ = inputs.shape
    if steps == 1:
        return _one_step(cell, inputs[0], weight, carry, keep[0])
    spare = -batch % COLUMNS if batch > COLUMNS else 0
    if not spare:
        return _scan(cell, inputs, weight, carry, keep)
    inputs, keep = jnp.pad(inputs, ((0, 0), (0, spare), (0, 0))), jnp.pad(keep, ((0, 0), (0, spare)))
    carry = tuple(jnp.pad(array, ((0, spare), (0, 0))) for array in carry)
    outputs, last = _scan(cell, inputs, weight, carry, keep)
    return outputs[:, :batch], tuple(array[:batch] for array in last)


def vectorised(values: jax.Array) -> jax.Array:
    """`values`, computed in a loop of its own: XLA's CPU compiler vectorises no tanh that it fuses with slices of it."""
    return jnp.asarray(jax.lax.optimization_barrier(values))


def _one_step(cell: Cell, x: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[jax.Array, Carry]:
    """Decoding: a weight that is read once is not worth turning round first."""
    carry = tuple(array * keep[:, None] for array in carry)
    after = cell(x.T, (carry[-1] @ weight).T, tuple(array.T for array in carry))
    last = tuple(array.T for array in after)
    return last[-1][None], last


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _scan(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[jax.Array, Carry]:
    turned = _laid_out(weight.T)

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = _masked(carry, keep)
        carry = cell(x, turned @ carry[-1], carry)
        return carry, carry[-1]

    carry, outputs = jax.lax.scan(step, _columns(carry), (_columns(inputs), keep))
    return _columns(outputs), _columns(carry)


def _forward(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array
) -> tuple[tuple[jax.Array, Carry], Any]:
    """`_scan`, also keeping each step's pullback, stacked over time: JAX makes closures of vjp ordinary pytrees."""
    turned = _laid_out(weight.T)

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, tuple[jax.Array, jax.Array, Any]]:
        x, keep = now
        carry = _masked(carry, keep)
        h_before = carry[-1]
        carry, pullback = jax.vjp(cell, x, turned @ h_before, carry)
        return carry, (carry[-1], h_before, pullback)

    carry, (outputs, h_before, pullbacks) = jax.lax.scan(step, _columns(carry), (_columns(inputs), keep))
    return (_columns(outputs), _columns(carry)), (weight, keep, h_before, pullbacks)


def _backward(cell: Cell, residuals: Any, cotangents: tuple[jax.Array, Carry]) -> tuple[Any, ...]:  # noqa: ARG001
    weight, keep, h_before, pullbacks = residuals
    d_outputs, d_last = cotangents

    def step(d_carry: Carry, now: tuple[jax.Array, jax.Array, Any]) -> tuple[Carry, tuple[jax.Array, ...]]:
        d_output, keep, pullback = now
        d_carry = (*d_carry[:-1], d_carry[-1] + d_output)
        d_x, d_r, d_carry = pullback(d_carry)
        d_carry = (*d_carry[:-1], d_carry[-1] + weight @ d_r)
        # A cell that adds both parts has one gradient for them, and stacking it once saves a fifth of the pass.
        return _masked(d_carry, keep), (d_x,) if d_x is d_r else (d_x, d_r)

    d_first, stacked = jax.lax.scan(step, _columns(d_last), (_columns(d_outputs), keep, pullbacks), reverse=True)
    d_inputs, d_recurrent = _columns(stacked[0]), _columns(stacked[-1])
    d_weight = jnp.einsum("thb,tbg->hg", h_before, d_recurrent)
    return d_inputs, d_weight, _columns(d_first), jnp.zeros_like(keep)


_scan.defvjp(_forward, _backward)


def _columns(arrays: Any) -> Any:
    """Every array `[..., B, N]` as `[..., N, B]`, and back."""
    return jax.tree.map(lambda array: array.swapaxes(-1, -2), arrays)


def _laid_out(matrix: jax.Array) -> jax.Array:
    """`matrix` as it says, in memory: a product with a transposed matrix is many times slower."""
    return jnp.asarray(jax.lax.optimization_barrier(matrix))


def _masked(carry: Carry, keep: jax.Array) -> Carry:
    return tuple(array * keep for array in carry)
