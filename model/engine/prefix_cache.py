"""Which beginnings of prompts have been read, and which row of the table holds the carry after each. Knows no network.

A conversation that goes on begins as it did before: the part that was read for one reply need not be read again for the
next. A carry follows from the tokens alone, bit for bit, so a reply is the same whether its prompt was read or cached.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from model.tokenizer import NUM_SPECIAL


class PrefixCache:
    """Rows by the tokens that were read into them; the least recently used make room."""

    def __init__(self, rows: Iterable[int]) -> None:
        self._free = list(rows)
        self._rows: OrderedDict[bytes, int] = OrderedDict()

    def find(self, tokens: Sequence[int]) -> tuple[int, int]:
        """The longest cached prefix that ends at a turn's end or is all of `tokens`: its length and its row, or (0, 0)."""
        known = [(length, key) for length, key in _prefixes(tokens) if key in self._rows]
        if not known:
            return 0, 0
        length, key = known[-1]
        self._rows.move_to_end(key)
        return length, self._rows[key]

    def claim(self, tokens: Sequence[int]) -> int | None:
        """Reserve a row for the carry after all of `tokens`; None where one holds it already or there are no rows."""
        *_, (_, key) = _prefixes(tokens)
        if not tokens or key in self._rows or not (self._free or self._rows):
            return None
        self._rows[key] = row = self.lend()
        return row

    def lend(self) -> int:
        """Take a row out of the cache, for another use; there must be one."""
        return self._free.pop() if self._free else self._rows.popitem(last=False)[1]

    def give_back(self, row: int) -> None:
        """Put back a row that was lent."""
        self._free.append(row)


def _prefixes(tokens: Sequence[int]) -> Iterable[tuple[int, bytes]]:
    """Length and digest of every prefix that ends before a special token, shortest first, and of the whole."""
    array = np.asarray(tokens, np.int32)
    ends = [*(np.flatnonzero(array[1:] < NUM_SPECIAL) + 1).tolist(), len(array)]
    digest, start = hashlib.blake2b(digest_size=16), 0
    for end in ends:
        digest.update(array[start:end].tobytes())
        yield end, digest.digest()
        start = end
