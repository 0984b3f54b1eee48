"""Near-duplicates: training posts that nearly repeat a held-out one, and samples that nearly repeat a training post.

The first would flatter the scores, the second are copies that differ in a word. One rule for both.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

MIN_CHARS = 32
"""Shorter posts ("yes", "lol", "good morning") repeat all the time, which is part of the voice."""
SHINGLE_WORDS = 4
MIN_OVERLAP = 0.8

_WORD = re.compile(r"\w+")


class NearDuplicates:
    """Tells by `in` whether a text nearly repeats one of the `held_out` texts.

    That is a text equal to one except for case, digits and punctuation, or one that shares at least `MIN_OVERLAP` of its runs
    of `SHINGLE_WORDS` words with one (w-shingling, Broder 1997).
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
        shared = Counter(number for shingle in shingles for number in self._posts_with.get(shingle, ()))
        return bool(shared) and max(shared.values()) >= MIN_OVERLAP * len(shingles)


def near_copies(texts: Collection[str], posts: Iterable[str]) -> int:
    """Count the `texts` that nearly repeat one of the `posts`, by the rule of NearDuplicates.

    Only posts that share a run of words with one of the texts are indexed, so 100,000 of them take no memory.
    """
    words = [_words(text) for text in texts if len(text) >= MIN_CHARS]
    exact, wanted = set(words), {shingle for one in words for shingle in _shingles(one)}

    def is_related(post: str) -> bool:
        words = _words(post)
        return words in exact or not wanted.isdisjoint(_shingles(words))

    index = NearDuplicates(post for post in posts if len(post) >= MIN_CHARS and is_related(post))
    return sum(text in index for text in texts)


def _words(text: str) -> tuple[str, ...]:
    """Return words without case, punctuation and digits; the text itself if it has none."""
    return tuple(re.sub(r"\d+", "0", word) for word in _WORD.findall(text.casefold())) or (text,)


def _shingles(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {words[i : i + SHINGLE_WORDS] for i in range(len(words) - SHINGLE_WORDS + 1)}
