"""Rows of the slots' table: taken out for a program, and put back. Knows no network.

Shape suffix: B rows of a program.
"""

from typing import Any

import jax
import jax.numpy as jnp


def gather_rows(table: Any, rows_B: Any) -> Any:
    """Take rows out of every array of the table."""
    return jax.tree.map(lambda array: _of_bits(array[rows_B]), table)


def scatter_rows(table: Any, rows_B: Any, values: Any) -> Any:
    """Put rows back into the table."""

    def put(array: jax.Array, value: jax.Array) -> jax.Array:
        if len(rows_B) == 1:  # of one row, XLA:CPU would make a copy of the table, to choose if the row is none of it
            return jax.lax.dynamic_update_slice_in_dim(array, as_bits(value), rows_B[0], axis=0)
        return array.at[rows_B].set(as_bits(value))

    return jax.tree.map(put, table, values)


def as_bits(array: jax.Array) -> jax.Array:
    """bfloat16 as integers, which is how the table holds it: XLA:CPU converts all of it to float32 to move a few rows."""
    return jax.lax.bitcast_convert_type(array, jnp.uint16) if array.dtype == jnp.bfloat16 else array


def _of_bits(array: jax.Array) -> jax.Array:
    return jax.lax.bitcast_convert_type(array, jnp.bfloat16) if array.dtype == jnp.uint16 else array


def where_rows(condition_B: Any, chosen: Any, other: Any) -> Any:
    """`chosen` in the rows where `condition_B` is True, `other` in the rest."""
    return jax.tree.map(lambda a, b: jnp.where(condition_B.reshape(-1, *[1] * (a.ndim - 1)), a, b), chosen, other)
