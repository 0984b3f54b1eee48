"""The scan of a cell over a window, the matmuls around it, and their gradients: the cost of a recurrent network.

Knows no cell's equations and no weights' names. A cell is elementwise: it gets the gates' input part and recurrent part,
already multiplied, the carry, and vectors of its own if it has any. All matmuls are here, because that is what makes a
recurrent network fast on a CPU: one matmul a step going forward, one going back, and a weight's gradient as one large matmul
over all steps instead of one a step. (A cell that multiplies by matrices of its own: step_scan.py.)

Time comes first and the units last, `[T, B, N]`: a window's rows are then one matrix `[T B, N]`, for the matmuls before and
after the scan and for the weights' gradients, and nothing need be transposed. (With the batch last, each gate is one
contiguous block; but XLA's CPU matmul of a large matrix and 25 columns takes twice as long as that of 25 rows and a large
matrix, and each weight's gradient needs a transposed copy.)

Shape suffixes: T steps, B rows, G gate units (`num_gates` times H), H hidden units, K inputs and N outputs of a matmul, R
rows of all leading axes together.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from model.architectures.parts.batch_invariant import batch_invariant_matmul

Carry = tuple[jax.Array, ...]
"""A layer's carry: arrays `[B, H]`, the last of them the layer's output `h`; an LSTM's is `(c, h)`."""

Own = dict[str, Any]
"""What a cell owns, by name: parameters of one layer that the network around it does not have."""

Cell = Callable[..., Carry]
"""`cell(x_BxG, r_BxG, carry) -> carry`, or `cell(x_BxG, r_BxG, carry, own) -> carry` where the cell has parameters.

`r` is the recurrent matmul. No mixing within a batch, and no matmuls.
"""

MatmulDtype = Any
"""The compute dtype of matmuls: jnp.float32, or jnp.bfloat16, which is faster where the processor has it."""

TRANSPOSE_CHUNKS = (2, 3, 5, 7)
"""A matrix is transposed in so many chunks, the first number that divides its rows."""


def vectorized(values: jax.Array) -> jax.Array:
    """Compute `values` in a loop of its own: XLA's CPU compiler vectorizes no tanh that it fuses with slices of it."""
    return jnp.asarray(jax.lax.optimization_barrier(values))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def matmul(inputs: jax.Array, weight_KxN: jax.Array, dtype: MatmulDtype = jnp.float32) -> jax.Array:
    """Multiply `inputs[..., K]` by a weight: `[..., N]`, of values rounded to `dtype` and added up in float32."""
    return rounded_matmul(_as_matrix(inputs), weight_KxN, dtype).reshape(*inputs.shape[:-1], weight_KxN.shape[1])


def _matmul_forward(inputs: jax.Array, weight_KxN: jax.Array, dtype: MatmulDtype) -> tuple[jax.Array, Any]:
    return matmul(inputs, weight_KxN, dtype), (inputs, weight_KxN)


def _matmul_backward(dtype: MatmulDtype, residuals: Any, d_outputs: jax.Array) -> tuple[jax.Array, jax.Array]:
    inputs, weight_KxN = residuals
    d_inputs = rounded_matmul(_as_matrix(d_outputs), copied_transpose(weight_KxN.T), dtype)
    return d_inputs.reshape(inputs.shape), weight_gradient(inputs, d_outputs, dtype)


matmul.defvjp(_matmul_forward, _matmul_backward)


def step(cell: Cell, inputs_BxG: jax.Array, weight_HxG: jax.Array, carry: Carry, own: tuple[Own, ...] = ()) -> Carry:
    """Advance `cell` by one step of decoding."""
    return cell(inputs_BxG, batch_invariant_matmul(carry[-1], weight_HxG), carry, *own)


@partial(jax.custom_vjp, nondiff_argnums=(0, 5))
def scan(
    cell: Cell,
    inputs_TxBxG: jax.Array,
    weight_HxG: jax.Array,
    carry: Carry,
    keep_TxB: jax.Array,
    dtype: MatmulDtype = jnp.float32,
    own: tuple[Own, ...] = (),
) -> tuple[jax.Array, Carry]:
    """Run `cell` over time; returns every step's output `[T, B, H]` and the last carry.

    `inputs_TxBxG` are the gates' input parts, `weight_HxG` the recurrent weight, `keep_TxB` 1, or 0 where the carry is to be
    emptied before that step, as it is where a conversation begins. Matmuls use `dtype` as `matmul` does. `own` holds what the
    cell owns, or nothing; its gradient is added up step by step, so it had better be vectors.
    """
    weight_HxG = weight_HxG.astype(dtype)

    def step(carry: Carry, step_input: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x_BxG, keep_B = step_input
        carry = mask_carry(carry, keep_B)
        carry = cell(x_BxG, rounded_matmul(carry[-1], weight_HxG, dtype), carry, *own)
        return carry, carry[-1]

    carry, outputs_TxBxH = jax.lax.scan(step, carry, (inputs_TxBxG, keep_TxB))
    return outputs_TxBxH, carry


def _scan_forward(
    cell: Cell,
    inputs_TxBxG: jax.Array,
    weight_HxG: jax.Array,
    carry: Carry,
    keep_TxB: jax.Array,
    dtype: MatmulDtype,
    own: tuple[Own, ...],
) -> tuple[tuple[jax.Array, Carry], Any]:
    """`scan`, also keeping each step's pullback, stacked over time: JAX makes closures of vjp ordinary pytrees."""
    rounded_HxG = weight_HxG.astype(dtype)

    def step(carry: Carry, step_input: tuple[jax.Array, jax.Array]) -> tuple[Carry, tuple[jax.Array, jax.Array, Any]]:
        x_BxG, keep_B = step_input
        carry = mask_carry(carry, keep_B)
        h_before_BxH = carry[-1]
        carry, pullback = jax.vjp(cell, x_BxG, rounded_matmul(h_before_BxH, rounded_HxG, dtype), carry, *own)
        return carry, (carry[-1], h_before_BxH, pullback)

    carry, (outputs_TxBxH, h_before_TxBxH, pullbacks) = jax.lax.scan(step, carry, (inputs_TxBxG, keep_TxB))
    return (outputs_TxBxH, carry), (weight_HxG, keep_TxB, h_before_TxBxH, pullbacks, own)


def _scan_backward(
    cell: Cell,  # noqa: ARG001
    dtype: MatmulDtype,
    residuals: Any,
    cotangents: tuple[jax.Array, Carry],
) -> tuple[Any, ...]:
    weight_HxG, keep_TxB, h_before_TxBxH, pullbacks, own = residuals
    d_outputs_TxBxH, d_last = cotangents
    transposed_GxH = copied_transpose(weight_HxG.T).astype(dtype)

    def step(
        before: tuple[Carry, Any], step_input: tuple[jax.Array, jax.Array, Any]
    ) -> tuple[tuple[Carry, Any], tuple[jax.Array, ...]]:
        (d_carry, d_own), (d_output_BxH, keep_B, pullback) = before, step_input
        d_carry = (*d_carry[:-1], d_carry[-1] + d_output_BxH)
        d_x_BxG, d_r_BxG, d_carry, *d_own_here = pullback(d_carry)
        d_own = jax.tree.map(jnp.add, d_own, tuple(d_own_here))
        d_carry = (*d_carry[:-1], d_carry[-1] + rounded_matmul(d_r_BxG, transposed_GxH, dtype))
        # A cell that adds both parts has one gradient for them, and stacking it once saves a fifth of the pass.
        stacked = (d_x_BxG,) if d_x_BxG is d_r_BxG else (d_x_BxG, d_r_BxG)
        return (mask_carry(d_carry, keep_B), d_own), stacked

    d_before = (d_last, jax.tree.map(jnp.zeros_like, own))
    (d_first, d_own), stacked = jax.lax.scan(step, d_before, (d_outputs_TxBxH, keep_TxB, pullbacks), reverse=True)
    d_weight_HxG = weight_gradient(h_before_TxBxH, stacked[-1], dtype)
    return stacked[0], d_weight_HxG, d_first, jnp.zeros_like(keep_TxB), d_own


scan.defvjp(_scan_forward, _scan_backward)


def rounded_matmul(inputs_RxK: jax.Array, weight_KxN: jax.Array, dtype: MatmulDtype) -> jax.Array:
    """Multiply values rounded to `dtype`, added up in float32; its gradient is JAX's."""
    return jnp.matmul(inputs_RxK.astype(dtype), weight_KxN.astype(dtype), preferred_element_type=jnp.float32)


def weight_gradient(inputs: jax.Array, d_outputs: jax.Array, dtype: MatmulDtype) -> jax.Array:
    """The gradient `[K, N]` of a weight that `inputs[..., K]` were multiplied by, as one matmul over all rows.

    XLA's fast matmul, which also stays on its device's thread, needs its first matrix transposed in memory; XLA undoes that
    where it sees it, and takes a slow one. A loop hides it.
    """
    inputs_RxK, d_outputs_RxN = _as_matrix(inputs), _as_matrix(d_outputs)
    chunks = next((chunks for chunks in TRANSPOSE_CHUNKS if len(inputs_RxK) % chunks == 0), 1)
    if chunks == 1:
        return jax.lax.dot_general(inputs_RxK, d_outputs_RxN, (((0,), (0,)), ((), ())))
    transposed = jax.lax.map(lambda chunk: chunk.T.astype(dtype), inputs_RxK.reshape(chunks, -1, inputs_RxK.shape[1]))
    d_chunks = d_outputs_RxN.reshape(chunks, -1, d_outputs_RxN.shape[1])
    first, *others = (rounded_matmul(*pair, dtype) for pair in zip(transposed, d_chunks, strict=True))
    return sum(others, start=first)


def _as_matrix(array: jax.Array) -> jax.Array:
    """`array[..., N]` as one matrix `[R, N]`."""
    return array.reshape(-1, array.shape[-1])


def copied_transpose(transposed: jax.Array) -> jax.Array:
    """Copy a transposed matrix in memory: a matmul with a transposed view takes longer."""
    return jnp.asarray(jax.lax.optimization_barrier(transposed))


def mask_carry(carry: Carry, keep_B: jax.Array) -> Carry:
    """Empty the rows of a carry where `keep_B` is 0."""
    return tuple(array * keep_B[:, None] for array in carry)
