"""Modified Kneser-Ney over token ids, and baselines from it. Knows no network and no posts.

It counts once and then stays as it is; model.py has the model that goes on counting while it reads.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.tokenizer import Tokenizer

ORDER = 5
"""Tokens in the longest n-gram of the baseline; more change its figure by less than a hundredth of a bit."""


@dataclass(frozen=True)
class _Level:
    """The n-grams of one order, each a parent (its context's n-gram) and a token.

    `keys` are parent x (V + 1) + token, sorted: a gram's id is its index. `counts` are the numerators of its probability;
    by parent: the sum of the children's counts, and the mass that discounting freed, as a share.
    """

    keys: np.ndarray
    counts: np.ndarray
    discounts: np.ndarray
    totals: np.ndarray
    freed: np.ndarray

    def find(self, parents: np.ndarray, tokens: np.ndarray, begin: int) -> np.ndarray:
        """Ids of the grams that end in `tokens`, -1 for one that was never seen."""
        wanted = parents * (begin + 1) + tokens
        index = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((parents >= 0) & (self.keys[index] == wanted), index, -1)


class KneserNey:
    """Interpolated modified Kneser-Ney, down to 1 / vocab_size.

    Chen and Goodman 1998, TR-10-98, section 3. Sequences are independent: each starts with a marker of its own, and no
    n-gram reaches back across it. An n-gram below the highest order counts in how many contexts it was seen; one that
    starts with the marker has only one, and counts how often it was seen instead (Heafield et al. 2013, section 3). The end
    of a sequence is not predicted.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], vocab_size: int, order: int = ORDER) -> None:
        """Count ids in `[0, vocab_size)`; order 1 is the unigram."""
        self.vocab_size = vocab_size
        self._levels: list[_Level] = []
        tokens, depth = self._joined(sequences)
        parents = np.zeros(len(tokens), np.int64)
        grams: list[tuple[np.ndarray, np.ndarray]] = []  # by order: the keys, and the gram that ends at each position
        for n in range(1, order + 1):
            exists = depth + 1 >= n  # it may hold the marker, but not reach before it
            if not exists.any():
                break
            keys, ids = np.unique((parents * (vocab_size + 1) + tokens)[exists], return_inverse=True)
            ending = np.full(len(tokens), -1, np.int64)
            ending[exists] = ids
            grams.append((keys, ending))
            parents = np.concatenate([[-1], ending[:-1]])
        for n, (keys, ending) in enumerate(grams, start=1):
            predicted = depth >= max(1, n - 1)
            if n < len(grams):
                longer = grams[n][1]
                _, first = np.unique(longer, return_index=True)
                predicted &= depth + 1 == n
                predicted[first] |= longer[first] >= 0
            counts = np.bincount(ending[predicted], minlength=len(keys))
            contexts = len(grams[n - 2][0]) if n > 1 else 1
            self._levels.append(_level(keys, counts, keys // (vocab_size + 1), contexts))

    def nats(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        """-ln p of every token of the sequences, one after the other."""
        tokens, depth = self._joined(sequences)
        p = np.full(len(tokens), 1.0 / self.vocab_size)
        parents = np.zeros(len(tokens), np.int64)
        for level in self._levels:
            ids = level.find(parents, tokens, self.vocab_size)
            parents_seen = np.where((parents >= 0) & (depth > 0), parents, -1)
            p = self._interpolated(level, parents_seen, np.where(depth > 0, ids, -1), p)
            parents = np.concatenate([[-1], ids[:-1]])
        nats: np.ndarray = -np.log(p[depth > 0])
        return nats

    @staticmethod
    def _interpolated(level: _Level, parents: np.ndarray, ids: np.ndarray, below: np.ndarray) -> np.ndarray:
        """p_n from p_(n-1) (Chen and Goodman's equation 18), or p_(n-1) after an unseen context."""
        total = np.where(parents >= 0, level.totals[parents], 0)
        counts = np.where(ids >= 0, level.counts[ids], 0)
        discounted = np.maximum(counts - level.discounts[np.minimum(counts, 3)], 0.0)
        return np.where(total > 0, discounted / np.maximum(total, 1) + level.freed[parents] * below, below)

    def _joined(self, sequences: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        """All tokens with a marker (id V) before each sequence, and distances from the marker."""
        parts = [np.concatenate([[self.vocab_size], np.asarray(ids, np.int64)]) for ids in sequences]
        tokens = np.concatenate([*parts, np.empty(0, np.int64)])
        starts = np.flatnonzero(tokens == self.vocab_size)
        lengths = np.diff(np.append(starts, len(tokens)))
        return tokens, np.arange(len(tokens)) - np.repeat(starts, lengths)


def _level(keys: np.ndarray, counts: np.ndarray, parents: np.ndarray, contexts: int) -> _Level:
    discounts = _discounts(counts)
    discounted = np.maximum(counts - discounts[np.minimum(counts, 3)], 0.0)
    totals = np.bincount(parents, counts, contexts)
    freed = 1.0 - np.bincount(parents, discounted, contexts) / np.maximum(totals, 1)
    return _Level(keys, counts, discounts, totals, freed)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Discounts of a count of 0, 1, 2 and 3 or more (Chen and Goodman's equation 17).

    Text too small or too regular to estimate one from gets half of the count, as KenLM's fallback does.
    """
    n = [int((counts == c).sum()) for c in range(5)]
    discounts = [0.0, 0.5, 1.0, 1.5]
    if all(n[1:]):
        y = n[1] / (n[1] + 2 * n[2])
        estimates = [c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3)]
        discounts[1:] = [d if 0 < d < c else 0.5 * c for c, d in enumerate(estimates, start=1)]
    return np.array(discounts)


def kneser_ney_bpb(train: Sequence[str], val: Sequence[str], tokenizer: Tokenizer, order: int = ORDER) -> float:
    """Bits per byte of the texts `val` given the texts `train`, over `tokenizer`'s tokens. Each text is a sequence."""
    model = KneserNey(tokenizer.encode_batch(train), tokenizer.vocab_size, order)
    nats = model.nats(tokenizer.encode_batch(val)).sum()
    return float(nats) / (math.log(2) * sum(len(text.encode()) for text in val))


def unigram_bpb(train: Sequence[str], val: Sequence[str], tokenizer: Tokenizer) -> float:
    """Bits per byte by token frequency alone: the cost of knowing just the alphabet."""
    return kneser_ney_bpb(train, val, tokenizer, order=1)
