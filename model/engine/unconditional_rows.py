"""Second rows of replies: the same reply after an empty conversation, for guidance and candidates. Knows no requests' text.

They are rows of the prefix cache, lent while a reply is drawn: no table has more rows for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.engine.prefix_cache import PrefixCache
from model.engine.slots import PREFILL_STEPS, Slots
from model.tokenizer import BOS, ME


@dataclass(slots=True)
class UnconditionalRow:
    """One reply's second row; its carry so far is in `source`, and `unread` is left of the tokens before decoding."""

    row: int
    source: int
    unread: list[int]


class UnconditionalRows:
    """The second rows of the replies in progress, by the replies' slots; `smallest` is the fewest rows of a program."""

    def __init__(self, slots: Slots, prefixes: PrefixCache, smallest: int) -> None:
        self._slots, self._prefixes, self._smallest = slots, prefixes, smallest
        self._rows: dict[int, UnconditionalRow] = {}
        self._empty: int | None = None

    def __contains__(self, slot: int) -> bool:
        return slot in self._rows

    def open(self, slot: int, reply_prefix: Sequence[int]) -> None:
        """Lend a row to the reply in `slot`, which begins with `reply_prefix`."""
        unread = [ME, *reply_prefix[:-1]] if reply_prefix else []
        self._rows[slot] = UnconditionalRow(self._prefixes.lend(), self._empty_conversation(), unread)

    def close(self, slot: int) -> None:
        """Take back the row of the reply in `slot`, if it has one."""
        if row := self._rows.pop(slot, None):
            self._prefixes.give_back(row.row)

    def is_read(self, slot: int) -> bool:
        """Whether the reply in `slot` has no second row, or one that decoding can go on from."""
        return slot not in self._rows or not self._rows[slot].unread

    def read(self, widths: Sequence[int]) -> None:
        """Read one chunk into each row that has something to read: where the beginning of the reply was given."""
        reading = [row for row in self._rows.values() if row.unread]
        for start in range(0, len(reading), widths[-1]):
            self._prefill(reading[start : start + widths[-1]], widths)

    def decoding(self, slots: Sequence[int], width: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows `[width]` to decode into for the replies in `slots`, and those that have their carries."""
        rows_B, sources_B = (np.full(width, self._slots.padding_row, np.int32) for _ in range(2))
        for number, row in enumerate(self._rows[slot] for slot in slots):
            rows_B[number], sources_B[number] = row.row, row.source
            row.source = row.row
        return rows_B, sources_B

    def _empty_conversation(self) -> int:
        """The row with the carry after BOS, where every second row begins; it is read for the first."""
        if self._empty is None:
            self._empty = self._prefixes.lend()
            batch = self._slots.padding_batch(self._smallest)
            batch.copies_B[0], batch.tokens_BxT[0, -1], batch.skip_B[0] = self._empty, BOS, PREFILL_STEPS - 1
            self._slots.prefill(batch)
        return self._empty

    def _prefill(self, rows: Sequence[UnconditionalRow], widths: Sequence[int]) -> None:
        batch = self._slots.padding_batch(next(width for width in widths if width >= len(rows)))
        for number, row in enumerate(rows):
            length = len(row.unread) % PREFILL_STEPS or PREFILL_STEPS
            chunk, row.unread = row.unread[:length], row.unread[length:]
            batch.sources_B[number], batch.copies_B[number], batch.fresh_B[number] = row.source, row.row, False
            batch.tokens_BxT[number, -length:], batch.skip_B[number] = chunk, PREFILL_STEPS - length
            row.source = row.row
        self._slots.prefill(batch)
