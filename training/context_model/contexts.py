"""Context hashes of each step of a text: the last k bytes, the last words, the speaker.

Arrays over all steps at once; the hash of a step depends only on the steps before it. Counts nothing.
"""

import numpy as np

from training.context_model.byte_trie import END, SPECIAL, ByteTrie, SpelledSteps

LONGEST_WORD = 24
"""Letters of a word that are hashed."""

Hashes = np.ndarray


class ByteHistory:
    """The bytes of a text, without the ends of tokens, and how many of them precede each step."""

    def __init__(self, spelling: ByteTrie, steps: SpelledSteps) -> None:
        written = steps.symbols != END
        self.symbols = steps.symbols[written].astype(np.uint64) + np.uint64(1)
        self.before = np.cumsum(written) - written
        self._depths = spelling.depths[steps.nodes].astype(np.uint64)

    def at_steps(self, hashes: np.ndarray, salt: int) -> np.ndarray:
        """From hashes by bytes read `[number of bytes + 1]` to hashes by steps."""
        return _mix(_mix(hashes[self.before] + np.uint64(salt)) + self._depths)


def byte_contexts(history: ByteHistory, orders: tuple[int, ...]) -> list[Hashes]:
    """For each order k, a hash `[S]` of the last k bytes. Also of how many of these the token being spelled has."""
    contexts = []
    for order in orders:
        hashes = np.zeros(len(history.symbols) + 1, np.uint64)
        for back in range(1, min(order, len(history.symbols)) + 1):
            hashes[back:] = _mix(hashes[back:]) + history.symbols[: len(hashes) - back]
        contexts.append(history.at_steps(hashes, salt=order))
    return contexts


def word_contexts(history: ByteHistory, counts: tuple[int, ...]) -> list[Hashes]:
    """For each count n, a hash `[S]` of the word being written and the n words before it, whatever stands between."""
    words, previous = _words(history.symbols)
    contexts = []
    for count in counts:
        hashes, position = words.copy(), np.arange(len(words))
        for _ in range(count):
            position = previous[position]
            hashes = _mix(hashes + np.uint64(LONGEST_WORD)) + words[position]  # not as within a word: "a a" is not "aa"
        contexts.append(history.at_steps(hashes, salt=100 + count))
    return contexts


def speaker_contexts(history: ByteHistory, orders: tuple[int, ...]) -> list[Hashes]:
    """`byte_contexts`, each hashed with the last special token: who is speaking. Empty for text without special tokens."""
    special = history.symbols > SPECIAL
    if not special.any():
        return []
    last = np.maximum.accumulate(np.where(special, np.arange(len(special)) + 1, 0))
    speaker = np.append(np.uint64(0), history.symbols)[np.append(0, last)]
    hashes = byte_contexts(history, orders)
    return [_mix(h) + speaker[history.before] for h in hashes]


def _words(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By bytes read: hash of the word being written, and bytes at the previous word's end."""
    symbols = symbols.astype(np.int64) - 1
    lower = np.where((symbols >= ord("A")) & (symbols <= ord("Z")), symbols + 32, symbols)
    beyond_ascii = (symbols >= 128) & (symbols < END)
    letter = ((lower >= ord("a")) & (lower <= ord("z"))) | (symbols == ord("'")) | beyond_ascii
    count = np.arange(len(symbols)) + 1
    start = np.append(0, np.maximum.accumulate(np.where(letter, 0, count)))
    last_letter = np.append(0, np.maximum.accumulate(np.where(letter, count, 0)))
    read = np.arange(len(symbols) + 1)
    hashes = np.zeros(len(read), np.uint64)
    for offset in range(LONGEST_WORD):
        inside = np.flatnonzero(start + offset < read)
        hashes[inside] = _mix(hashes[inside]) + lower[start[inside] + offset].astype(np.uint64)
    return hashes, last_letter[start]


def _mix(x: np.ndarray) -> np.ndarray:
    """Splitmix64 (Steele, Lea and Flood 2014): each bit depends on each bit of `x`."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
