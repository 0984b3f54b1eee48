"""Near-duplicates: posts of the train part that say what a held-out post says, which would flatter the figures."""

import re
from collections import defaultdict
from collections.abc import Iterable

MIN_CHARS = 32
"""Shorter posts ("yes", "lol", "good morning") are said again and again, and saying them is part of the voice."""
SHINGLE_WORDS = 4
OVERLAP = 0.8

_WORD = re.compile(r"\w+")


class NearDuplicates:
    """Answers whether a text is nearly one of `held_out`: equal but for case, digits and punctuation, or mostly shared.

    Mostly: at least `OVERLAP` of its runs of `SHINGLE_WORDS` words stand in one held-out post (Broder 1997, w-shingling).
    """

    def __init__(self, held_out: Iterable[str]) -> None:
        self._exact: set[tuple[str, ...]] = set()
        self._posts_with: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, text in enumerate(held_out):
            if len(text) >= MIN_CHARS:
                words = _words(text)
                self._exact.add(words)
                for shingle in _shingles(words):
                    self._posts_with[shingle].append(number)

    def __contains__(self, text: str) -> bool:
        if len(text) < MIN_CHARS:
            return False
        words = _words(text)
        if words in self._exact:
            return True
        shingles = _shingles(words)
        shared: dict[int, int] = defaultdict(int)
        for shingle in shingles:
            for number in self._posts_with.get(shingle, ()):
                shared[number] += 1
        return bool(shared) and max(shared.values()) >= OVERLAP * len(shingles)


def _words(text: str) -> tuple[str, ...]:
    """Words without case, punctuation or the values of numbers; the text itself where it has no words."""
    return tuple(re.sub(r"\d+", "0", word) for word in _WORD.findall(text.casefold())) or (text,)


def _shingles(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {words[i : i + SHINGLE_WORDS] for i in range(len(words) - SHINGLE_WORDS + 1)}
