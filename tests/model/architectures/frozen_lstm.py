"""The LSTM's window and step as they were before a cell could have parameters, frozen.

Copied from commit b0bb1af. It is not to be changed with the code: test_scans.py lowers both and compares, so that what cells
may do beyond the LSTM costs the LSTM nothing. Where the LSTM's own program is made better, and measured so, copy it anew.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from model.architectures.lstm import LSTM
from model.architectures.parts.batch_invariant import batch_invariant_matmul
from model.architectures.parts.dropout import DropoutKeys, unit_mask, weight_drop
from model.architectures.parts.scan import TRANSPOSE_CHUNKS, Carry, Cell, MatmulDtype, copied_transpose, matmul
from model.tokenizer import BOS


class FrozenLSTM(LSTM):
    """The LSTM on the frozen scan."""

    def _hidden(
        self, tokens: jax.Array, carry: Sequence[Carry], noise: DropoutKeys | None, dtype: MatmulDtype
    ) -> tuple[jax.Array, tuple[Carry, ...]]:
        """The top layer's outputs `[T, B, H]` over a window `tokens[B, T]`, and the carry after it."""
        config = self.config
        keep = (tokens.T != BOS).astype(jnp.float32)
        hidden = gates = self._input_gates(tokens.T, noise, dtype)
        last = []
        for layer, (weight, before) in enumerate(zip(self.weights, carry, strict=True)):
            here = noise.fold(layer) if noise else None
            if layer:
                gates = matmul(hidden, self.inputs[layer][...], dtype) + self.biases[layer][...]
            dropped = weight_drop(weight[...], here, config.weight_drop)
            hidden, after = scan(type(self).cell, gates, dropped, before, keep, dtype)
            is_top = layer == config.num_layers - 1
            mask = unit_mask(here, config.dropout if is_top else config.hidden_dropout, config.hidden_dim)
            hidden = hidden if mask is None else hidden * mask
            last.append(after)
        return hidden, tuple(last)

    def _hidden_step(self, tokens: jax.Array, carry: Sequence[Carry]) -> tuple[jax.Array, tuple[Carry, ...]]:
        """The top layer's output `[B, H]` for one token of each row, `tokens[B, 1]`, and the carry after it."""
        table, keep, ids = self.inputs[0][...], (tokens != BOS).astype(jnp.float32), tokens[:, 0]
        hidden = table[ids] if self.embedding is None else batch_invariant_matmul(self.embedding[...][ids], table)
        last = []
        for layer, (weight, before) in enumerate(zip(self.weights, carry, strict=True)):
            inputs = batch_invariant_matmul(hidden, self.inputs[layer][...]) if layer else hidden
            gates = inputs + self.biases[layer][...]
            last.append(step(type(self).cell, gates, weight[...], tuple(array * keep for array in before)))
            hidden = last[-1][-1]
        return hidden, tuple(last)


def step(cell: Cell, inputs_BxG: jax.Array, weight_HxG: jax.Array, carry: Carry) -> Carry:
    """Advance `cell` by one step of decoding."""
    return cell(inputs_BxG, batch_invariant_matmul(carry[-1], weight_HxG), carry)


@partial(jax.custom_vjp, nondiff_argnums=(0, 5))
def scan(
    cell: Cell,
    inputs_TxBxG: jax.Array,
    weight_HxG: jax.Array,
    carry: Carry,
    keep_TxB: jax.Array,
    dtype: MatmulDtype = jnp.float32,
) -> tuple[jax.Array, Carry]:
    """Run `cell` over time; returns every step's output `[T, B, H]` and the last carry.

    `inputs_TxBxG` are the gates' input parts, `weight_HxG` the recurrent weight, `keep_TxB` 1, or 0 where the carry is to be
    emptied before that step, as it is where a conversation begins. Matmuls use `dtype` as `matmul` does.
    """
    weight_HxG = weight_HxG.astype(dtype)

    def step(carry: Carry, step_input: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x_BxG, keep_B = step_input
        carry = _mask_carry(carry, keep_B)
        carry = cell(x_BxG, _matmul(carry[-1], weight_HxG, dtype), carry)
        return carry, carry[-1]

    carry, outputs_TxBxH = jax.lax.scan(step, carry, (inputs_TxBxG, keep_TxB))
    return outputs_TxBxH, carry


def _scan_forward(
    cell: Cell, inputs_TxBxG: jax.Array, weight_HxG: jax.Array, carry: Carry, keep_TxB: jax.Array, dtype: MatmulDtype
) -> tuple[tuple[jax.Array, Carry], Any]:
    """`scan`, also keeping each step's pullback, stacked over time: JAX makes closures of vjp ordinary pytrees."""
    rounded_HxG = weight_HxG.astype(dtype)

    def step(carry: Carry, step_input: tuple[jax.Array, jax.Array]) -> tuple[Carry, tuple[jax.Array, jax.Array, Any]]:
        x_BxG, keep_B = step_input
        carry = _mask_carry(carry, keep_B)
        h_before_BxH = carry[-1]
        carry, pullback = jax.vjp(cell, x_BxG, _matmul(h_before_BxH, rounded_HxG, dtype), carry)
        return carry, (carry[-1], h_before_BxH, pullback)

    carry, (outputs_TxBxH, h_before_TxBxH, pullbacks) = jax.lax.scan(step, carry, (inputs_TxBxG, keep_TxB))
    return (outputs_TxBxH, carry), (weight_HxG, keep_TxB, h_before_TxBxH, pullbacks)


def _scan_backward(
    cell: Cell,  # noqa: ARG001
    dtype: MatmulDtype,
    residuals: Any,
    cotangents: tuple[jax.Array, Carry],
) -> tuple[Any, ...]:
    weight_HxG, keep_TxB, h_before_TxBxH, pullbacks = residuals
    d_outputs_TxBxH, d_last = cotangents
    transposed_GxH = copied_transpose(weight_HxG.T).astype(dtype)

    def step(d_carry: Carry, step_input: tuple[jax.Array, jax.Array, Any]) -> tuple[Carry, tuple[jax.Array, ...]]:
        d_output_BxH, keep_B, pullback = step_input
        d_carry = (*d_carry[:-1], d_carry[-1] + d_output_BxH)
        d_x_BxG, d_r_BxG, d_carry = pullback(d_carry)
        d_carry = (*d_carry[:-1], d_carry[-1] + _matmul(d_r_BxG, transposed_GxH, dtype))
        # A cell that adds both parts has one gradient for them, and stacking it once saves a fifth of the pass.
        return _mask_carry(d_carry, keep_B), (d_x_BxG,) if d_x_BxG is d_r_BxG else (d_x_BxG, d_r_BxG)

    d_first, stacked = jax.lax.scan(step, d_last, (d_outputs_TxBxH, keep_TxB, pullbacks), reverse=True)
    return stacked[0], _weight_gradient(h_before_TxBxH, stacked[-1], dtype), d_first, jnp.zeros_like(keep_TxB)


scan.defvjp(_scan_forward, _scan_backward)


def _matmul(inputs_RxK: jax.Array, weight_KxN: jax.Array, dtype: MatmulDtype) -> jax.Array:
    return jnp.matmul(inputs_RxK.astype(dtype), weight_KxN.astype(dtype), preferred_element_type=jnp.float32)


def _weight_gradient(inputs: jax.Array, d_outputs: jax.Array, dtype: MatmulDtype) -> jax.Array:
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
    first, *others = (_matmul(*pair, dtype) for pair in zip(transposed, d_chunks, strict=True))
    return sum(others, start=first)


def _as_matrix(array: jax.Array) -> jax.Array:
    """`array[..., N]` as one matrix `[R, N]`."""
    return array.reshape(-1, array.shape[-1])


def _mask_carry(carry: Carry, keep_B: jax.Array) -> Carry:
    return tuple(array * keep_B[:, None] for array in carry)
