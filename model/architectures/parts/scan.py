"""What costs a network its time: the scan over a window and the products around it, and their gradients.

Knows no cell's equations and no weights' names. A cell is elementwise: it gets the input's part and the recurrent part of
its gates, already multiplied, and the carry. Everything that is a matrix product lives here, because that is what makes a
recurrent network fast on a CPU: one product a step going forward, one going back, and a weight's gradient as one large
product over all steps instead of one a step.

Time comes first and the units last, `[T, B, N]`: a window's rows are then one matrix `[T B, N]`, for the products before
and after the scan and for the weights' gradients, and nothing need be turned round anywhere. (With the batch last, each
gate is one contiguous block; but XLA's CPU product of a large matrix and 25 columns takes twice as long as that of 25 rows
and a large matrix, and each weight's gradient asks for a copy turned round.)
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from model.architectures.parts.batch_invariant import batch_invariant_matmul

Carry = tuple[jax.Array, ...]
"""A layer's memory: arrays `[B, H]`, the last of them the layer's output `h`; an LSTM's is `(c, h)`."""

Cell = Callable[[jax.Array, jax.Array, Carry], Carry]
"""`cell(x[B, G], r[B, G], carry) -> carry` with `r` the recurrent product. No parameters, no mixing within a batch."""

MatmulDtype = Any
"""What products are taken of: jnp.float32, or jnp.bfloat16, which is faster where the processor has it."""

PARTS = (2, 3, 5, 7)
"""A matrix is turned round in so many parts, the first number that divides its rows."""


def vectorized(values: jax.Array) -> jax.Array:
    """`values`, computed in a loop of its own: XLA's CPU compiler vectorises no tanh that it fuses with slices of it."""
    return jnp.asarray(jax.lax.optimization_barrier(values))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def matmul(inputs: jax.Array, weight: jax.Array, dtype: MatmulDtype = jnp.float32) -> jax.Array:
    """`inputs[..., K]` times `weight[K, N]`: `[..., N]`, of numbers rounded to `dtype` and added up in float32."""
    return _times(_rows(inputs), weight, dtype).reshape(*inputs.shape[:-1], weight.shape[1])


def _product_forward(inputs: jax.Array, weight: jax.Array, dtype: MatmulDtype) -> tuple[jax.Array, Any]:
    return matmul(inputs, weight, dtype), (inputs, weight)


def _product_backward(dtype: MatmulDtype, residuals: Any, d_outputs: jax.Array) -> tuple[jax.Array, jax.Array]:
    inputs, weight = residuals
    d_inputs = _times(_rows(d_outputs), copied_transpose(weight.T), dtype)
    return d_inputs.reshape(inputs.shape), _weight_gradient(inputs, d_outputs, dtype)


matmul.defvjp(_product_forward, _product_backward)


def step(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry) -> Carry:
    """One step of decoding: `inputs[B, G]`, `weight[H, G]` and a carry of `[B, H]`."""
    return cell(inputs, batch_invariant_matmul(carry[-1], weight), carry)


@partial(jax.custom_vjp, nondiff_argnums=(0, 5))
def scan(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array, dtype: MatmulDtype = jnp.float32
) -> tuple[jax.Array, Carry]:
    """Run `cell` over time; returns every step's output `[T, B, H]` and the last carry.

    `inputs[T, B, G]` are the gates' input parts, `weight[H, G]` the recurrent matrix, `keep[T, B]` 1, or 0 where the
    carry is to be emptied before that step, as it is where a conversation begins. Products are taken as in `matmul`.
    """
    weight = weight.astype(dtype)

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = _masked(carry, keep)
        carry = cell(x, _times(carry[-1], weight, dtype), carry)
        return carry, carry[-1]

    carry, outputs = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, carry


def _forward(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array, dtype: MatmulDtype
) -> tuple[tuple[jax.Array, Carry], Any]:
    """`scan`, also keeping each step's pullback, stacked over time: JAX makes closures of vjp ordinary pytrees."""
    rounded = weight.astype(dtype)

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, tuple[jax.Array, jax.Array, Any]]:
        x, keep = now
        carry = _masked(carry, keep)
        h_before = carry[-1]
        carry, pullback = jax.vjp(cell, x, _times(h_before, rounded, dtype), carry)
        return carry, (carry[-1], h_before, pullback)

    carry, (outputs, h_before, pullbacks) = jax.lax.scan(step, carry, (inputs, keep))
    return (outputs, carry), (weight, keep, h_before, pullbacks)


def _backward(cell: Cell, dtype: MatmulDtype, residuals: Any, cotangents: tuple[jax.Array, Carry]) -> tuple[Any, ...]:  # noqa: ARG001
    weight, keep, h_before, pullbacks = residuals
    d_outputs, d_last = cotangents
    turned = copied_transpose(weight.T).astype(dtype)

    def step(d_carry: Carry, now: tuple[jax.Array, jax.Array, Any]) -> tuple[Carry, tuple[jax.Array, ...]]:
        d_output, keep, pullback = now
        d_carry = (*d_carry[:-1], d_carry[-1] + d_output)
        d_x, d_r, d_carry = pullback(d_carry)
        d_carry = (*d_carry[:-1], d_carry[-1] + _times(d_r, turned, dtype))
        # A cell that adds both parts has one gradient for them, and stacking it once saves a fifth of the pass.
        return _masked(d_carry, keep), (d_x,) if d_x is d_r else (d_x, d_r)

    d_first, stacked = jax.lax.scan(step, d_last, (d_outputs, keep, pullbacks), reverse=True)
    return stacked[0], _weight_gradient(h_before, stacked[-1], dtype), d_first, jnp.zeros_like(keep)


scan.defvjp(_forward, _backward)


def _times(rows: jax.Array, weight: jax.Array, dtype: MatmulDtype) -> jax.Array:
    return jnp.matmul(rows.astype(dtype), weight.astype(dtype), preferred_element_type=jnp.float32)


def _weight_gradient(inputs: jax.Array, d_outputs: jax.Array, dtype: MatmulDtype) -> jax.Array:
    """The gradient `[K, N]` of a weight that `inputs[..., K]` were multiplied by, as one product over all rows.

    XLA's fast product, which also keeps to its device's thread, wants its first matrix turned round; that XLA undoes where
    it sees it, and takes a slow one. A loop hides it.
    """
    rows, d_rows = _rows(inputs), _rows(d_outputs)
    parts = next((parts for parts in PARTS if len(rows) % parts == 0), 1)
    if parts == 1:
        return jax.lax.dot_general(rows, d_rows, (((0,), (0,)), ((), ())))
    turned = jax.lax.map(lambda part: part.T.astype(dtype), rows.reshape(parts, -1, rows.shape[1]))
    first, *others = (
        _times(*pair, dtype) for pair in zip(turned, d_rows.reshape(parts, -1, d_rows.shape[1]), strict=True)
    )
    return sum(others, start=first)


def _rows(array: jax.Array) -> jax.Array:
    """`array[..., N]` as one matrix."""
    return array.reshape(-1, array.shape[-1])


def copied_transpose(matrix: jax.Array) -> jax.Array:
    """`matrix` as it says, in memory: a product with a transposed matrix takes longer."""
    return jnp.asarray(jax.lax.optimization_barrier(matrix))


def _masked(carry: Carry, keep: jax.Array) -> Carry:
    return tuple(array * keep[:, None] for array in carry)
