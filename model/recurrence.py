"""The scan over time that every recurrent layer shares, and its gradient. Knows no cell's equations and no weights' names.

A cell is elementwise: it gets the input's part and the recurrent part of its gates, already multiplied, and the carry.
Everything that is a matrix product lives here, because that is what makes a scan fast on a CPU: one product a step going
forward, one going back, and the weight's gradient as one large product after the backward scan instead of one a step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

Carry = tuple[jax.Array, ...]
"""A layer's memory: arrays `[B, H]`, the last of them the layer's output `h`; an LSTM's is `(c, h)`."""

Cell = Callable[[jax.Array, jax.Array, Carry], Carry]
"""`cell(x[B, G], r[B, G], carry) -> carry` with `r = h @ weight`; no parameters, no mixing between elements of a batch."""


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def scan(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[jax.Array, Carry]:
    """Run `cell` over time; returns every step's output `[T, B, H]` and the last carry.

    `inputs[T, B, G]` are the gates' input parts, `weight[H, G]` the recurrent matrix, `keep[T, B]` 1, or 0 where the
    carry is to be emptied before that step, as it is where a conversation begins.
    """

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = _masked(carry, keep)
        carry = cell(x, carry[-1] @ weight, carry)
        return carry, carry[-1]

    carry, outputs = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, carry


def _forward(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array
) -> tuple[jax.Array, Carry, Any]:
    """`scan`, also returning each step's pullback, stacked over time: JAX makes closures of vjp ordinary pytrees."""

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, tuple[jax.Array, Any]]:
        x, keep = now
        carry = _masked(carry, keep)
        carry, pullback = jax.vjp(cell, x, carry[-1] @ weight, carry)
        return carry, (carry[-1], pullback)

    carry, (outputs, pullbacks) = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, carry, pullbacks


def _scan_forward(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array
) -> tuple[tuple[jax.Array, Carry], Any]:
    outputs, last, pullbacks = _forward(cell, inputs, weight, carry, keep)
    return (outputs, last), (weight, carry[-1], keep, outputs, pullbacks)


def _scan_backward(cell: Cell, residuals: Any, cotangents: tuple[jax.Array, Carry]) -> tuple[Any, ...]:  # noqa: ARG001
    weight, h_first, keep, outputs, pullbacks = residuals
    d_outputs, d_last = cotangents
    transposed = weight.T

    def step(d_carry: Carry, now: tuple[jax.Array, jax.Array, Any]) -> tuple[Carry, tuple[jax.Array, jax.Array]]:
        d_output, keep, pullback = now
        d_carry = (*d_carry[:-1], d_carry[-1] + d_output)
        d_x, d_r, d_carry = pullback(d_carry)
        d_carry = (*d_carry[:-1], d_carry[-1] + d_r @ transposed)
        return _masked(d_carry, keep), (d_x, d_r)

    d_first, (d_inputs, d_recurrent) = jax.lax.scan(step, d_last, (d_outputs, keep, pullbacks), reverse=True)
    h_before = jnp.concatenate([h_first[None], outputs[:-1]]) * keep[..., None]
    d_weight = jnp.einsum("tbh,tbg->hg", h_before, d_recurrent)
    return d_inputs, d_weight, d_first, jnp.zeros_like(keep)


scan.defvjp(_scan_forward, _scan_backward)


def _masked(carry: Carry, keep: jax.Array) -> Carry:
    return tuple(array * keep[:, None] for array in carry)
