"""Memorization and variety: text copied from training posts, distinct runs of words.

A word is what stands between white space, compared as it is written: case and punctuation count. Only near-copies fold both
(training/data/near_duplicates.py). Texts are what a network drew by itself, without a guard. Knows no network and no store.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.near_duplicates import near_copies

COPIED_WORDS = 8
"""A run of this length from one post is a quotation; shorter ones are mostly common phrases."""

_END = 0  # the id after each post's last word; no word of a text has it, so no run crosses it


@dataclass(frozen=True)
class VerbatimRun:
    """The length of a copied run, in words and in characters with single spaces between."""

    words: int
    characters: int


@dataclass(frozen=True)
class Novelty:
    """Copying in a set of texts from the posts that they were learned from.

    `longest_words` and `longest_characters` are of the longest run there is, each by its own measure; `copied` is the
    share of texts with a run of COPIED_WORDS words, `whole` the share that are an entire post. `near_copies` is the share
    that nearly repeat one: 32 characters or more, of whose runs of four words four fifths stand in one post, whatever their
    case, punctuation and digits.
    """

    longest_words: int
    longest_characters: int
    copied: float
    whole: float
    near_copies: float


class PostIndex:
    """Index of posts that finds the longest run of words that a text shares with one of them.

    A suffix array over words (Manber and Myers 1993, built by doubling): exact, no hash to collide, and of 100,000 posts
    built in about three seconds and 120 MB.
    """

    def __init__(self, posts: Iterable[str]) -> None:
        self._whole: set[str] = set()
        self._ids: dict[str, int] = {}
        self._words = array("i")
        longest = 0
        for post in posts:
            words = post.split()
            self._whole.add(" ".join(words))
            self._words.extend(self._ids.setdefault(word, len(self._ids) + 1) for word in words)
            self._words.append(_END)
            longest = max(longest, len(words))
        self._suffixes = _suffix_array(self._words, longest)

    @property
    def texts(self) -> Iterable[str]:
        """The posts, each once, with single spaces."""
        return self._whole

    def longest_run(self, text: str) -> VerbatimRun:
        """The longest run of words that `text` shares with one post, and the longest in characters."""
        words = text.split()
        runs = [(start, self._shared(words, start)) for start in range(len(words))]
        lengths = (length for _, length in runs)
        characters = (len(" ".join(words[start : start + length])) for start, length in runs)
        return VerbatimRun(max(lengths, default=0), max(characters, default=0))

    def contains(self, text: str) -> bool:
        """Check whether `text` is one of the posts, white space aside."""
        return " ".join(text.split()) in self._whole

    def _shared(self, words: Sequence[str], start: int) -> int:
        """How many words from `start` on stand in a row in one post. The nearest two of all suffixes share the most."""
        unknown = len(self._ids) + 1
        ids = array("i", (self._ids.get(word, unknown) for word in words[start:]))
        index = bisect_left(self._suffixes, ids, key=lambda at: self._words[at : at + len(ids)])
        return max((self._common(ids, int(at)) for at in self._suffixes[max(0, index - 1) : index + 1]), default=0)

    def _common(self, ids: Sequence[int], at: int) -> int:
        pairs = enumerate(zip(ids, self._words[at : at + len(ids)], strict=False))
        return next((n for n, (a, b) in pairs if a != b), min(len(ids), len(self._words) - at))


def _suffix_array(words: Sequence[int], longest: int) -> np.ndarray:
    """Sort the suffixes of `words`, as start indices; ties where `longest` words are equal."""
    ranks = np.asarray(words, np.int64)
    length = 1
    while length < longest:
        after = np.append(ranks[length:], np.zeros(min(length, len(ranks)), np.int64))
        ranks = np.unique(ranks * (ranks.max() + 1) + after, return_inverse=True)[1]
        length *= 2
    return np.argsort(ranks, kind="stable")


def novelty(texts: Sequence[str], posts: PostIndex) -> Novelty:
    """Measure how much of `texts`, at least one, is copied from `posts`."""
    runs = [posts.longest_run(text) for text in texts]
    return Novelty(
        longest_words=max(run.words for run in runs),
        longest_characters=max(run.characters for run in runs),
        copied=sum(run.words >= COPIED_WORDS for run in runs) / len(texts),
        whole=sum(posts.contains(text) for text in texts) / len(texts),
        near_copies=near_copies(texts, posts.texts) / len(texts),
    )


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Distinct runs of `n` words, as a share of all (Li et al. 2016, 1510.03055); 0 where there are none.

    It falls with the amount of text, so only sets of the same size compare.
    """
    runs = [tuple(words[i : i + n]) for words in map(str.split, texts) for i in range(len(words) - n + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0
