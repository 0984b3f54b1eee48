"""Keyed fingerprints of pieces of a text, of which none tells its text. Knows no posts.

A piece of a text is summed up in 64 bits by a polynomial over its characters, modulo 2^64, whose terms are added once for a
whole text: any piece of it is then a difference (Karp and Rabin 1987). Base and values of characters come from a secret key.
A polynomial can be solved for its key by whoever knows pieces, so what is kept is BLAKE2b of it, keyed as well (RFC 7693),
cut to 48 bits.

    sums[i]          value(text[0]) + value(text[1]) * base + ... + value(text[i - 1]) * base^(i - 1)
    text[a:b]        (sums[b] - sums[a]) * base^-a
"""

import hashlib
from functools import cached_property

import numpy as np

MASK = (1 << 64) - 1
HASH_BYTES = 6
AT_ONCE = 1 << 16
"""Hashes that are made at once: as objects they take ten times as much memory."""


class Key:
    """What fingerprints are made with: a secret of 16 to 64 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        drawn = [int.from_bytes(self._derived(f"polynomial {number}")[:8], "big") for number in range(4)]
        self.base = drawn[0] & MASK & ~7 | 3  # odd, as it must have an inverse; base - 1 is not divisible by 4
        self.inverse = pow(self.base, -1, 1 << 64)
        self._seed, self._first, self._second = drawn[1], drawn[2] | 1, drawn[3] | 1
        self.check = self._derived("check").hex()[:32]
        """Tells another key from this one, and nothing about either."""

    def _derived(self, purpose: str) -> bytes:
        return hashlib.blake2b(purpose.encode(), key=self._secret, digest_size=32).digest()

    def hash_function(self, table: str) -> hashlib.blake2b:
        """Return the keyed hash function of a table, to be copied for each fingerprint."""
        return hashlib.blake2b(key=self._derived(f"table {table}"), digest_size=HASH_BYTES)

    def hashes_of(self, table: str, fingerprints_N: np.ndarray) -> np.ndarray:
        """Return the hashes `[N]` (uint64, of 48 bits) of fingerprints, in a microsecond each."""
        hashes_N = np.zeros(len(fingerprints_N), np.uint64)
        for at in range(0, len(fingerprints_N), AT_ONCE):
            hashes_N[at : at + AT_ONCE] = self._some_hashes(table, fingerprints_N[at : at + AT_ONCE])
        return hashes_N

    def _some_hashes(self, table: str, fingerprints_N: np.ndarray) -> np.ndarray:
        begin, raw = self.hash_function(table).copy, fingerprints_N.astype("<u8").tobytes()
        digests = list[bytes]()
        for at in range(0, len(raw), 8):
            hashing = begin()
            hashing.update(raw[at : at + 8])
            digests.append(hashing.digest())
        hashes_N = np.zeros(len(digests), np.uint64)
        for part_N in np.frombuffer(b"".join(digests), np.uint8).reshape(-1, HASH_BYTES).T:
            hashes_N = hashes_N << np.uint64(8) | part_N
        return np.asarray(hashes_N)

    def digest(self, text: str) -> str:
        """Return a keyed digest of a text."""
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).hexdigest()

    @cached_property
    def values(self) -> "_Values":
        """Values of characters, each worked out once."""
        return _Values(self)

    def value_of(self, character: str) -> int:
        """Return what a character stands for in the polynomial."""
        mixed = ((ord(character) ^ self._seed) * self._first) & MASK
        mixed = ((mixed ^ (mixed >> 32)) * self._second) & MASK
        return mixed ^ (mixed >> 29)

    def values_of(self, codes_N: np.ndarray) -> np.ndarray:
        """Return `value_of` of many characters, given by their code points."""
        mixed_N = (codes_N.astype(np.uint64) ^ np.uint64(self._seed)) * np.uint64(self._first)
        mixed_N = (mixed_N ^ (mixed_N >> np.uint64(32))) * np.uint64(self._second)
        return np.asarray(mixed_N ^ (mixed_N >> np.uint64(29)))

    @cached_property
    def powers(self) -> "_Powers":
        """Powers of the base, as integers."""
        return _Powers(self.base)

    @cached_property
    def inverses(self) -> "_Powers":
        """Powers of the base's inverse, as integers."""
        return _Powers(self.inverse)


class _Values(dict[str, int]):
    def __init__(self, key: Key) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, character: str) -> int:
        self[character] = value = self._key.value_of(character)
        return value


class _Powers(dict[int, int]):
    """Powers of a number modulo 2^64 by their exponents, each worked out once."""

    def __init__(self, base: int) -> None:
        super().__init__({0: 1})
        self._base = base

    def __missing__(self, exponent: int) -> int:
        self[exponent] = power = pow(self._base, exponent, 1 << 64)
        return power
