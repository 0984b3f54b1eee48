"""Which beginnings of prompts have been read, and in which row of the table each left its carry. Knows no network.

A conversation that goes on begins as it did before: what was read of it for one answer need not be read again for the next. A
carry follows from the tokens alone, bit for bit, so that no reply shows whether it was read or found.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from model.tokenizer import NUM_SPECIAL


class PrefixCache:
    """Rows by the tokens that were read into them; the ones that were asked for longest ago make room."""

    def __init__(self, rows: Iterable[int]) -> None:
        self._free = list(rows)
        self._rows: OrderedDict[bytes, int] = OrderedDict()

    def find(self, tokens: Sequence[int]) -> tuple[int, int]:
        """How many of the first `tokens` a row has read, to where a turn begins or the end, and that row; or (0, 0)."""
        known = [(length, key) for length, key in _beginnings(tokens) if key in self._rows]
        if not known:
            return 0, 0
        length, key = known[-1]
        self._rows.move_to_end(key)
        return length, self._rows[key]

    def claim(self, tokens: Sequence[int]) -> int | None:
        """The row that all of `tokens` is about to be read into, or None where a row has them or there are no rows."""
        *_, (_, key) = _beginnings(tokens)
        if not tokens or key in self._rows or not (self._free or self._rows):
            return None
        self._rows[key] = row = self._free.pop() if self._free else self._rows.popitem(last=False)[1]
        return row


def _beginnings(tokens: Sequence[int]) -> Iterable[tuple[int, bytes]]:
    """Every beginning that ends before a special token, and the whole, shortest first: its length and its digest."""
    array = np.asarray(tokens, np.int32)
    ends = [*(np.flatnonzero(array[1:] < NUM_SPECIAL) + 1).tolist(), len(array)]
    digest, start = hashlib.blake2b(digest_size=16), 0
    for end in ends:
        digest.update(array[start:end].tobytes())
        yield end, digest.digest()
        start = end
