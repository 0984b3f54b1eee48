"""Split text into pieces that fit a platform's limit.

Cut after a sentence, else between words, never inside a character as readers see it (a grapheme cluster): a family of four, a
flag, a letter with its accents.
"""

from collections.abc import Callable, Sequence

import regex

Measure = Callable[[str], int]
"""Length of a text as a platform counts it; additive over parts."""

SENTENCE_ENDS = frozenset(".!?…。！？")


def characters(text: str) -> int:
    """Count Unicode characters, as Discord does."""
    return len(text)


def utf16_units(text: str) -> int:
    """Count UTF-16 code units, as Telegram does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int, measure: Measure) -> list[str]:
    """Cut `text` into pieces of at most `limit` (2 or more); none is empty.

    White space at the ends and at the cuts is dropped; the rest is all there. Only a grapheme cluster that alone exceeds the
    limit is cut through.
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


def graphemes(text: str) -> list[str]:
    """Split into grapheme clusters: what a reader takes for one character each."""
    clusters: list[str] = regex.findall(r"\X", text)
    return clusters


def _clusters(text: str, limit: int, measure: Measure) -> list[str]:
    return [part for cluster in graphemes(text) for part in ([cluster] if measure(cluster) <= limit else cluster)]


def _longest_fit(clusters: Sequence[str], start: int, limit: int, measure: Measure) -> int:
    """Return the end of the longest piece from `start` that fits; at least one cluster."""
    length = 0
    for end in range(start, len(clusters)):
        length += measure(clusters[end])
        if length > limit:
            return max(end, start + 1)
    return len(clusters)


def _cut(clusters: Sequence[str], start: int, end: int) -> int:
    """Return where to cut: a sentence's end in the latter half, else the last white space."""
    if end == len(clusters):
        return end
    for cut in range(end, (start + end) // 2, -1):
        if "\n" in clusters[cut] or (clusters[cut].isspace() and clusters[cut - 1][0] in SENTENCE_ENDS):
            return cut
    return next((cut for cut in range(end, start, -1) if clusters[cut].isspace()), end)


def _join_trimmed(clusters: Sequence[str]) -> str:
    """Join clusters without white space at the end; by whole clusters, as an accent may stand on a space."""
    end = len(clusters)
    while clusters[end - 1].isspace():
        end -= 1
    return "".join(clusters[:end])
