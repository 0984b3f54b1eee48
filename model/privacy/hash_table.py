"""Sets of fingerprints, in memory and in bytes: HashTable, Sieve, and GuardTables, all of an index. Knows no text."""

import math
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.privacy.fingerprints import MASK, Key

BUCKETS = 1 << 16
"""By the first 16 of a hash's 48 bits; the other 32 stand in the bucket."""


class Sieve:
    """Which fingerprints are there, with a wrong yes in seven: three bits to each of them, of `2^log2` bits `[2^log2 / 8]`.

    It is asked only where something else makes a yes likely. Its bits come from keyed fingerprints, and half of them are set.
    """

    def __init__(self, bits_M: np.ndarray, log2: int) -> None:
        self._bits_M, self._log2 = bits_M, log2
        self._bytes = bits_M.tobytes()

    @classmethod
    def of(cls, parts: Sequence[np.ndarray]) -> "Sieve":
        """Make one of fingerprints, given in arrays `[N]`."""
        log2 = max(3, round(math.log2(4 * max(1, sum(map(len, parts))))))
        is_set = np.zeros(1 << log2, bool)
        for fingerprints_N in parts:
            for factor in _SIEVE:
                is_set[fingerprints_N * np.uint64(factor) >> np.uint64(64 - log2)] = True
        return cls(np.packbits(is_set), log2)

    def may_hold(self, fingerprint: int) -> bool:
        """Return whether a fingerprint may be there; False only if it is not."""
        places = ((fingerprint * factor & MASK) >> (64 - self._log2) for factor in _SIEVE)
        return all(self._bytes[place >> 3] & 128 >> (place & 7) for place in places)

    def joined(self, other: "Sieve") -> "Sieve":
        """Return one with the fingerprints of both."""
        larger, smaller = (self, other) if self._log2 >= other._log2 else (other, self)
        each = np.repeat(np.unpackbits(smaller._bits_M), 1 << larger._log2 - smaller._log2)
        return Sieve(larger._bits_M | np.packbits(each), larger._log2)

    @property
    def num_bytes(self) -> int:
        """How much memory it takes."""
        return len(self._bytes)

    def to_bytes(self) -> bytes:
        """Return it for a file."""
        return self._bytes

    @classmethod
    def from_bytes(cls, content: bytes) -> "Sieve":
        """Read what `to_bytes` made; raises ValueError for anything else."""
        log2 = len(content).bit_length() + 2
        if 1 << log2 != 8 * len(content):
            raise ValueError(f"a sieve of {len(content):,} bytes, which is no power of two")
        return cls(np.frombuffer(content, np.uint8), log2)


_SIEVE = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93)
"""Odd factors by which a fingerprint's bits are mixed; the highest ones of each product choose a bit."""


class HashTable:
    """Hashes of fingerprints, four bytes each, and perhaps a note of one byte to each.

    Of a fingerprint that is not in there it is said that it is with a chance of 2^-32 for each entry of its bucket: 2.3e-8
    where 6.5 million are stored.
    """

    def __init__(self, name: str, key: Key, hashes_N: np.ndarray, notes_N: np.ndarray | None = None) -> None:
        """Take hashes as `Key.hashes_of` makes them, in any order; of two that are the same the first note counts."""
        order_N = np.argsort(hashes_N, kind="stable")
        hashes_N = hashes_N[order_N]
        is_first_N = np.ones(len(hashes_N), bool)
        is_first_N[1:] = hashes_N[1:] != hashes_N[:-1]
        hashes_N, first_N = hashes_N[is_first_N], order_N[is_first_N]
        counts = np.bincount((hashes_N >> np.uint64(32)).astype(np.int64), minlength=BUCKETS)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        notes_N = None if notes_N is None else notes_N[first_N].astype(np.uint8)
        self._set(name, key, offsets, (hashes_N & np.uint64(0xFFFFFFFF)).astype(np.uint32), notes_N)

    def _set(self, name: str, key: Key, offsets: np.ndarray, entries_N: np.ndarray, notes_N: np.ndarray | None) -> None:
        self.name, self._hashing = name, key.hash_function(name)
        offsets = offsets.astype(np.uint16 if len(entries_N) < BUCKETS else np.uint32)
        self._offsets, self._entries = memoryview(offsets.data), memoryview(entries_N.data)
        self._notes = None if notes_N is None else notes_N.tobytes()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, fingerprint: int) -> int:
        """Return the place of a fingerprint; -1 where it is not there."""
        hashing = self._hashing.copy()
        hashing.update(fingerprint.to_bytes(8, "little"))
        digest = hashing.digest()
        bucket = digest[0] << 8 | digest[1]
        low, high = self._offsets[bucket], self._offsets[bucket + 1]
        if low == high:
            return -1
        entry = int.from_bytes(digest[2:], "big")
        place = bisect_left(self._entries, entry, low, high)
        return place if place < high and self._entries[place] == entry else -1

    def note(self, place: int) -> int:
        """Return the note at a place."""
        assert self._notes is not None
        return self._notes[place]

    @property
    def num_bytes(self) -> int:
        """How much memory it takes."""
        return self._offsets.nbytes + self._entries.nbytes + len(self._notes or b"")

    def hashes(self) -> np.ndarray:
        """Return the hashes `[N]`, sorted."""
        counts = self._counts()
        buckets_N = np.repeat(np.arange(BUCKETS, dtype=np.uint64), counts)
        return np.asarray(buckets_N << np.uint64(32) | np.asarray(self._entries).astype(np.uint64))

    def notes(self) -> np.ndarray | None:
        """Return the notes `[N]`, in the order of `hashes`."""
        return None if self._notes is None else np.frombuffer(self._notes, np.uint8)

    def _counts(self) -> np.ndarray:
        return np.asarray(np.diff(np.asarray(self._offsets).astype(np.int64)), np.int64)

    def to_bytes(self) -> bytes:
        """Return it for a file: how long the next part is, how many hashes each bucket has, packed, entries and notes."""
        counts = self._counts().astype("<u4")
        packed = zlib.compress(counts.tobytes(), 1)
        entries = np.asarray(self._entries).astype("<u4").tobytes()
        return len(packed).to_bytes(4, "little") + packed + entries + (self._notes or b"")

    @classmethod
    def from_bytes(cls, name: str, key: Key, content: bytes, count: int, *, noted: bool) -> "HashTable":
        """Read what `to_bytes` made of a table of `count` entries; raises ValueError for anything else."""
        begin = 4 + int.from_bytes(content[:4], "little")
        try:
            counts = np.frombuffer(zlib.decompress(content[4:begin]), "<u4").astype(np.int64)
        except zlib.error as error:
            raise ValueError(f"{name}: {error}") from error
        if len(counts) != BUCKETS or counts.sum() != count or len(content) != begin + count * (4 + noted):
            raise ValueError(f"{name} has another size than is said of it")
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        end = begin + 4 * count
        entries_N = np.frombuffer(content[begin:end], "<u4").astype(np.uint32)
        table = cls.__new__(cls)
        table._set(name, key, offsets, entries_N, np.frombuffer(content[end:], np.uint8) if noted else None)
        return table

    def with_earlier(self, earlier: "HashTable", key: Key, left_out: np.ndarray) -> "HashTable":
        """Return the hashes of both, made with the same key, but for those fingerprints of the earlier one."""
        hashes_N, notes_N, notes = earlier.hashes(), earlier.notes(), self.notes()
        stays_N = ~np.isin(hashes_N, key.hashes_of(self.name, left_out))
        both = None if notes is None or notes_N is None else np.concatenate([notes, notes_N[stays_N]])
        return HashTable(self.name, key, np.concatenate([self.hashes(), hashes_N[stays_N]]), both)


@dataclass(frozen=True)
class GuardTables:
    """What an index has: hashes of runs, of five digits, of details, whose notes are their kinds, and of their beginnings.

    `whole_runs` is of every run of characters, each to its last one, where `runs` keeps some (guard_runs.py). `gates` are the
    lengths of those beginnings, `posts` is how many posts it was made of.
    """

    key: Key
    runs: HashTable
    digits: HashTable
    beginnings: HashTable
    details: HashTable
    whole_runs: Sieve
    gates: tuple[int, ...]
    posts: int

    @property
    def num_bytes(self) -> int:
        """How much memory they take."""
        return sum(table.num_bytes for table in self.all) + self.whole_runs.num_bytes

    @property
    def all(self) -> tuple[HashTable, ...]:
        """The tables in the order of TABLES."""
        return self.runs, self.digits, self.beginnings, self.details


TABLES = ("runs", "digits", "beginnings", "details")
NOTED = "details"
"""The table with notes."""
