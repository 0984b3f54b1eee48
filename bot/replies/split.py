"""A text in pieces that fit a platform's limit: cut after a sentence, else between words, never inside a character.

A character is what a reader takes for one (a grapheme cluster): a family of four, a flag, a letter with its accents.
"""

from collections.abc import Callable, Sequence

import regex

Measure = Callable[[str], int]
"""How long a text is to a platform; that of a text is the sum of its parts'."""

SENTENCE_ENDS = frozenset(".!?…。！？")


def characters(text: str) -> int:
    """Unicode characters, as Discord counts."""
    return len(text)


def utf16_units(text: str) -> int:
    """UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int, measure: Measure) -> list[str]:
    """Cut `text` into pieces of at most `limit` (2 or more), none empty; together they are the text, less white space.

    White space at the ends and where it is cut is dropped. A character that is longer than the limit all by itself is
    the one thing cut through.
    """
    clusters = _clusters(text, limit, measure)
    pieces = []
    start, end = 0, len(clusters)
    while start < end:
        if clusters[start].isspace():
            start += 1
            continue
        cut = _cut(clusters, start, _longest_fit(clusters, start, limit, measure))
        pieces.append(_join_trimmed(clusters[start:cut]))
        start = cut
    return pieces


def _clusters(text: str, limit: int, measure: Measure) -> list[str]:
    whole: list[str] = regex.findall(r"\X", text)
    return [part for one in whole for part in ([one] if measure(one) <= limit else one)]


def _longest_fit(clusters: Sequence[str], start: int, limit: int, measure: Measure) -> int:
    """Where the longest piece from `start` that fits would end; it holds something, however small the limit."""
    taken = 0
    for end in range(start, len(clusters)):
        taken += measure(clusters[end])
        if taken > limit:
            return max(end, start + 1)
    return len(clusters)


def _cut(clusters: Sequence[str], start: int, end: int) -> int:
    """Where to cut what fits: a sentence's end if there is one in the latter half, else the last white space."""
    if end == len(clusters):
        return end
    for cut in range(end, (start + end) // 2, -1):
        if "\n" in clusters[cut] or (clusters[cut].isspace() and clusters[cut - 1][0] in SENTENCE_ENDS):
            return cut
    return next((cut for cut in range(end, start, -1) if clusters[cut].isspace()), end)


def _join_trimmed(clusters: Sequence[str]) -> str:
    """The clusters as text, less white space at the end: whole clusters of it, as an accent may stand on a space."""
    end = len(clusters)
    while clusters[end - 1].isspace():
        end -= 1
    return "".join(clusters[:end])
