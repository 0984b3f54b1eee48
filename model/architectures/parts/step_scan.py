"""The scan of a cell that is a whole step, with matrices of its own, and its gradient. Knows no cell's equations.

A step multiplies by `x @ own["name"]`. While it is traced, such a matrix is a Weight, whose `@` is the right one for where it
stands: in training a matmul of the compute dtype, in decoding a batch-invariant one.

The gradient of a matrix is its input's transpose times its output's gradient, added up over all steps. Left to itself, JAX
adds it up step by step, a matmul and a pass over the whole matrix each time. Here the inputs of each matmul and the
gradients of its outputs are kept, and one large matmul over all steps comes after the scan, as in scan.py. To get at the
gradient of an output inside the scan, a zero is added to it: the gradient of that zero is what is wanted.

Shape suffixes: T steps, B rows, X units of a layer's input, H hidden units, K inputs and N outputs of a matmul.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from model.architectures.parts.batch_invariant import batch_invariant_matmul
from model.architectures.parts.scan import (
    Carry,
    MatmulDtype,
    Own,
    copied_transpose,
    mask_carry,
    rounded_matmul,
    weight_gradient,
)

Step = Callable[[jax.Array, Carry, Own], Carry]
"""`step(x_BxX, carry, own) -> carry`: `x` is the layer's input, `own` the layer's parameters, matrices among them Weights."""

_ByMatrix = dict[str, list[jax.Array]]
"""An array for each matmul in a step, by the matrix it multiplies by."""


class Weight:
    """A matrix of a cell's own as its step sees it: `x[B, K] @ weight` is `[B, N]`, and it is good for nothing else."""

    __array_ufunc__ = None  # NumPy leaves `@` to this class, as JAX does

    def __init__(self, name: str, shape: tuple[int, ...], multiply: Callable[[jax.Array], jax.Array]) -> None:
        self.shape = shape
        self._name = name
        self._multiply = multiply

    def __rmatmul__(self, rows_BxK: jax.Array) -> jax.Array:
        if rows_BxK.ndim != 2 or rows_BxK.shape[1] != self.shape[0]:
            found, wanted = list(rows_BxK.shape), list(self.shape)
            raise TypeError(f"{found} @ own[{self._name!r}] {wanted}: the left side must be [batch, {self.shape[0]}]")
        return self._multiply(rows_BxK)


def decode_step(step: Step, x_BxX: jax.Array, carry: Carry, own: Own) -> Carry:
    """Advance by one step of decoding: matmuls give a row the same bits in any batch."""
    matrices, others = _parted(own)
    weights = _weights(matrices, lambda name, rows_BxK: batch_invariant_matmul(rows_BxK, matrices[name]))
    return step(x_BxX, carry, others | weights)


@partial(jax.custom_vjp, nondiff_argnums=(0, 5))
def scan_steps(
    step: Step, inputs_TxBxX: jax.Array, own: Own, carry: Carry, keep_TxB: jax.Array, dtype: MatmulDtype
) -> tuple[jax.Array, Carry]:
    """Run `step` over time; returns every step's output `[T, B, H]` and the last carry.

    `keep_TxB` is 1, or 0 where the carry is to be emptied before that step. Matmuls use `dtype`, and add up in float32.
    """
    matrices, others = _parted(own)
    weights = _weights(matrices, lambda name, rows_BxK: rounded_matmul(rows_BxK, matrices[name], dtype))

    def advance(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x_BxX, keep_B = now
        carry = step(x_BxX, mask_carry(carry, keep_B), others | weights)
        return carry, carry[-1]

    carry, outputs_TxBxH = jax.lax.scan(advance, carry, (inputs_TxBxX, keep_TxB))
    return outputs_TxBxH, carry


def _scan_forward(
    step: Step, inputs_TxBxX: jax.Array, own: Own, carry: Carry, keep_TxB: jax.Array, dtype: MatmulDtype
) -> tuple[tuple[jax.Array, Carry], Any]:
    matrices, others = _parted(own)
    shapes = _matmuls_of(step, inputs_TxBxX[0], own, carry)
    zeros = {name: [jnp.zeros((len(inputs_TxBxX), *shape)) for shape in of] for name, of in shapes.items()}
    rounded = {name: weight_KxN.astype(dtype) for name, weight_KxN in matrices.items()}
    transposed = {name: copied_transpose(weight_KxN.T).astype(dtype) for name, weight_KxN in matrices.items()}

    def run(inputs_TxBxX: jax.Array, others: Own, carry: Carry, zeros: _ByMatrix) -> Any:
        def advance(carry: Carry, now: tuple[jax.Array, jax.Array, _ByMatrix]) -> tuple[Carry, Any]:
            x_BxX, keep_B, zeros_here = now
            rows: _ByMatrix = {name: [] for name in matrices}

            def multiply(name: str, rows_BxK: jax.Array) -> jax.Array:
                zero_BxN = zeros_here[name][len(rows[name])]
                rows[name].append(jax.lax.stop_gradient(rows_BxK))
                return zero_BxN + _product(rows_BxK, rounded[name], transposed[name], dtype)

            carry = step(x_BxX, mask_carry(carry, keep_B), others | _weights(matrices, multiply))
            return carry, (carry[-1], rows)

        carry, (outputs_TxBxH, rows) = jax.lax.scan(advance, carry, (inputs_TxBxX, keep_TxB, zeros))
        return (outputs_TxBxH, carry), rows

    out, pullback, rows = jax.vjp(run, inputs_TxBxX, others, carry, zeros, has_aux=True)
    return out, (pullback, rows, matrices, keep_TxB)


def _scan_backward(step: Step, dtype: MatmulDtype, residuals: Any, cotangents: Any) -> tuple[Any, ...]:  # noqa: ARG001
    pullback, rows, matrices, keep_TxB = residuals
    d_inputs_TxBxX, d_own, d_carry, d_outputs = pullback(cotangents)
    for name, weight_KxN in matrices.items():
        pairs = zip(rows[name], d_outputs[name], strict=True)
        gradients = (weight_gradient(rows_TxBxK, d_TxBxN, dtype) for rows_TxBxK, d_TxBxN in pairs)
        d_own[name] = sum(gradients, start=jnp.zeros_like(weight_KxN))
    return d_inputs_TxBxX, d_own, d_carry, jnp.zeros_like(keep_TxB)


scan_steps.defvjp(_scan_forward, _scan_backward)


def _matmuls_of(step: Step, x_BxX: jax.Array, own: Own, carry: Carry) -> dict[str, list[tuple[int, ...]]]:
    """The shape `[B, N]` of each product in a step, by matrix, in the order they are computed in."""
    matrices, others = _parted(own)
    found: dict[str, list[tuple[int, ...]]] = {name: [] for name in matrices}

    def multiply(name: str, rows_BxK: jax.Array) -> jax.Array:
        found[name].append((len(rows_BxK), matrices[name].shape[1]))
        return jnp.zeros(found[name][-1])

    jax.eval_shape(
        lambda x_BxX, carry, others: step(x_BxX, carry, others | _weights(matrices, multiply)), x_BxX, carry, others
    )
    return found


def _parted(own: Own) -> tuple[Own, Own]:
    """Matrices, and the rest."""
    matrices = {name: array for name, array in own.items() if array.ndim == 2}
    return matrices, {name: array for name, array in own.items() if name not in matrices}


def _weights(matrices: Own, multiply: Callable[[str, jax.Array], jax.Array]) -> dict[str, Weight]:
    return {name: Weight(name, array.shape, partial(multiply, name)) for name, array in matrices.items()}


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _product(rows_BxK: jax.Array, weight_KxN: jax.Array, transposed_NxK: jax.Array, dtype: MatmulDtype) -> jax.Array:
    """Multiply, with a gradient for the rows alone."""
    del transposed_NxK
    return rounded_matmul(rows_BxK, weight_KxN, dtype)


def _product_forward(
    rows_BxK: jax.Array, weight_KxN: jax.Array, transposed_NxK: jax.Array, dtype: MatmulDtype
) -> tuple[jax.Array, jax.Array]:
    return rounded_matmul(rows_BxK, weight_KxN, dtype), transposed_NxK


def _product_backward(dtype: MatmulDtype, transposed_NxK: jax.Array, d_BxN: jax.Array) -> tuple[Any, ...]:
    return rounded_matmul(d_BxN, transposed_NxK, dtype), None, None


_product.defvjp(_product_forward, _product_backward)
