"""What costs a network its time: the scan over a window and the products around it, and their gradients.

Knows no cell's equations and no weights' names. A cell is elementwise: it gets the input's part and the recurrent part of
its gates, already multiplied, and the carry. Everything that is a matrix product lives here, because that is what makes a
recurrent network fast on a CPU: one product a step going forward, one going back, and a weight's gradient as one large
product over all steps instead of one a step.

Throughout, the batch is the last axis: `[T, N, B]`. XLA's CPU product of a large matrix and a narrow one is then as fast as
that of two large ones, and about 1.6 times as fast as with the batch first (measured at 16 to 32 columns), provided the
matrix lies as it is read; and each gate is one contiguous block, so that the cell's arithmetic vectorises. Nothing need be
turned round between the layers. Decoding alone, a token a row, has the batch first.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from model.row_product import row_product

Carry = tuple[jax.Array, ...]
"""A layer's memory: arrays `[H, B]`, the last of them the layer's output `h`; an LSTM's is `(c, h)`."""

Cell = Callable[[jax.Array, jax.Array, Carry], Carry]
"""`cell(x[G, B], r[G, B], carry) -> carry` with `r` the recurrent product. No parameters, no mixing within a batch."""

FEW = 4
"""A batch of no more than this is multiplied fastest by one product over all steps."""


def vectorised(values: jax.Array) -> jax.Array:
    """`values`, computed in a loop of its own: XLA's CPU compiler vectorises no tanh that it fuses with slices of it."""
    return jnp.asarray(jax.lax.optimization_barrier(values))


def product(inputs: jax.Array, weight: jax.Array) -> jax.Array:
    """Every step's `inputs[T, K, B]` times `weight[K, N]`: `[T, N, B]`."""
    if inputs.shape[-1] <= FEW:
        return jnp.einsum("tkb,kn->tnb", inputs, weight)
    return _product(inputs, weight)


def step(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry) -> Carry:
    """One step of decoding, the batch first: `inputs[B, G]`, `weight[H, G]` and a carry of `[B, H]`."""
    recurrent = row_product(carry[-1], weight)
    rows = jax.vmap(cell)(inputs[..., None], recurrent[..., None], tuple(array[..., None] for array in carry))
    return tuple(array[..., 0] for array in rows)


@jax.custom_vjp
def _product(inputs: jax.Array, weight: jax.Array) -> jax.Array:
    turned = laid_out(weight.T)
    outputs: jax.Array = jax.lax.map(lambda now: turned @ now, inputs)
    return outputs


def _product_forward(inputs: jax.Array, weight: jax.Array) -> tuple[jax.Array, Any]:
    return _product(inputs, weight), (inputs, weight)


def _product_backward(residuals: Any, d_outputs: jax.Array) -> tuple[jax.Array, jax.Array]:
    inputs, weight = residuals
    return jax.lax.map(lambda now: weight @ now, d_outputs), _weight_gradient(inputs, d_outputs)


_product.defvjp(_product_forward, _product_backward)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def scan(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[jax.Array, Carry]:
    """Run `cell` over time; returns every step's output `[T, H, B]` and the last carry.

    `inputs[T, G, B]` are the gates' input parts, `weight[H, G]` the recurrent matrix, `keep[T, B]` 1, or 0 where the
    carry is to be emptied before that step, as it is where a conversation begins.
    """
    turned = laid_out(weight.T)

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = _masked(carry, keep)
        carry = cell(x, turned @ carry[-1], carry)
        return carry, carry[-1]

    carry, outputs = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, carry


def _forward(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array
) -> tuple[tuple[jax.Array, Carry], Any]:
    """`scan`, also keeping each step's pullback, stacked over time: JAX makes closures of vjp ordinary pytrees."""
    turned = laid_out(weight.T)

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, tuple[jax.Array, jax.Array, Any]]:
        x, keep = now
        carry = _masked(carry, keep)
        h_before = carry[-1]
        carry, pullback = jax.vjp(cell, x, turned @ h_before, carry)
        return carry, (carry[-1], h_before, pullback)

    carry, (outputs, h_before, pullbacks) = jax.lax.scan(step, carry, (inputs, keep))
    return (outputs, carry), (weight, keep, h_before, pullbacks)


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

    d_first, stacked = jax.lax.scan(step, d_last, (d_outputs, keep, pullbacks), reverse=True)
    return stacked[0], _weight_gradient(h_before, stacked[-1]), d_first, jnp.zeros_like(keep)


scan.defvjp(_forward, _backward)


def _weight_gradient(inputs: jax.Array, d_outputs: jax.Array) -> jax.Array:
    """The gradient `[K, N]` of a weight that every step's `inputs[T, K, B]` were multiplied by, as one product."""
    return jnp.einsum("tkb,tnb->kn", inputs, d_outputs)


def laid_out(matrix: jax.Array) -> jax.Array:
    """`matrix` as it says, in memory: a product with a transposed matrix is many times slower."""
    return jnp.asarray(jax.lax.optimization_barrier(matrix))


def _masked(carry: Carry, keep: jax.Array) -> Carry:
    return tuple(array * keep for array in carry)
