"""Fold text so that what looks alike compares alike: NFKC, case, white space, and characters that nobody sees.

`folded` folds a whole text. A text that grows is folded a character at a time: what `joins` what stands before it, such as an
accent, is folded together with that. Both ways give the same text.
"""

import re
import unicodedata
from itertools import pairwise

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Soft hyphens, joiners, marks of direction and variation: a text with them reads as one without."""
MOST_JOINED = 30
"""Marks on one character that count, as in Unicode's Stream-Safe Text Format (UAX 15): putting n in order takes n^2 steps."""
_MANY_SIGNS = re.compile(rf"[^\w\s\x00-\x7f]{{{MOST_JOINED + 1},}}")
"""What may be more marks than count; no mark is of a word to `re`."""
_HANGUL_VOWELS_AND_TAILS = (0x1160, 0x11FF)
"""Letters that become one syllable with the letter before them, though they are no marks."""


def folded(text: str) -> str:
    """Return a text for comparing, with single spaces and none at its ends."""
    if not text.isascii():
        text = folded_characters(text)
        return " ".join(text.split())
    return " ".join(text.lower().split())


def folded_characters(text: str) -> str:
    """Return a text for comparing, its white space as it was."""
    text = _MANY_SIGNS.sub(_without_more_marks, _INVISIBLE.sub("", text))
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once)


def _without_more_marks(signs: re.Match[str]) -> str:
    kept, marks = list[str](), 0
    for character in signs[0]:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks <= MOST_JOINED:
            kept.append(character)
    return "".join(kept)


class _Joins(dict[str, bool]):
    """Whether a character joins what stands before it, once for each character that was seen."""

    def __missing__(self, character: str) -> bool:
        parts = unicodedata.normalize("NFKD", character)
        low, high = _HANGUL_VOWELS_AND_TAILS
        joins = unicodedata.category(parts[0])[0] == "M" or low <= ord(parts[0]) <= high
        self[character] = found = joins or _INVISIBLE.match(character) is not None
        return found


_JOINS = _Joins()


def joins(character: str) -> bool:
    """Return whether a character may change how the one before it is folded, or nobody sees it."""
    return not character.isascii() and _JOINS[character]


def segments(text: str) -> list[str]:
    """Return a text in pieces that are folded on their own: a character with what joins it."""
    begins = [place for place, character in enumerate(text) if not place or not joins(character)]
    return [text[begin:end] for begin, end in pairwise([*begins, len(text)])]


def ends_in(segment: str, given: int) -> list[int]:
    """Return how many characters of a segment are read, one after another: the first `given` at once, then each that counts.

    What nobody sees, and marks beyond MOST_JOINED, change nothing.
    """
    seen = [place + 1 for place, character in enumerate(segment) if not _INVISIBLE.match(character)]
    seen = seen[: MOST_JOINED + 1]
    at_once = [min(given, len(segment))] if given > 0 else []
    return [*at_once, *(end for end in seen if end > given)]
