"""Rows of the slots' table: how many there are, how they are taken out for a program, and put back. Knows no requests.

A row of an LSTM takes kilobytes, a row of a transformer's keys and values a megabyte or more. So that a bot of either fits a
small machine, a table takes TABLE_BYTES at most: a network of larger rows draws fewer replies at once and keeps fewer
prefixes, and further requests wait. While a checkpoint is swapped, or wider programs are compiled, there are two.

Shape suffix: B rows of a program.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from model.architectures import LanguageModel

TABLE_BYTES = 64 << 20
"""64 slots and 256 prefixes of 200 kB: twice what lstm_attention takes, eight times what an LSTM of 3 x 1024 does."""
PREFIXES_PER_SLOT = 4
"""Cached prompt prefixes, for each slot: no round needs more than two, and one may be lent as the slot's second row."""
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class TableSize:
    """Rows of a table: `slots` replies, of `wanted`, `prefixes`, and one for padding; each takes `row_bytes`."""

    slots: int
    wanted: int
    row_bytes: int

    @property
    def prefixes(self) -> int:
        """Rows for carries alone."""
        return PREFIXES_PER_SLOT * self.slots

    @property
    def total_bytes(self) -> int:
        """Memory of all rows."""
        return (self.slots + 1 + self.prefixes) * self.row_bytes

    @property
    def note(self) -> str:
        """A line for the log where there are fewer slots than wanted, else ""."""
        if self.slots == self.wanted:
            return ""
        return (
            f"a row of this network's carry takes {self.row_bytes / MEGABYTE:.1f} MB: {self.slots:,} replies at once and "
            f"{self.prefixes:,} kept prefixes ({self.total_bytes / MEGABYTE:,.0f} MB), not {self.wanted:,} and "
            f"{PREFIXES_PER_SLOT * self.wanted:,}; others wait. Fewer layers or a smaller attention_window make room"
        )


def table_size(model: LanguageModel, wanted: int) -> TableSize:
    """As many slots of `wanted` as have room with their prefixes, at least one."""
    shapes = jax.eval_shape(lambda: model.initial_carry(1))
    row_bytes = sum(array.size * array.dtype.itemsize for array in jax.tree.leaves(shapes))
    fitting = (TABLE_BYTES // max(row_bytes, 1) - 1) // (1 + PREFIXES_PER_SLOT)
    return TableSize(max(1, min(wanted, fitting)), wanted, row_bytes)


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
