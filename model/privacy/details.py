"""PrivateDetail, one finding in a text, the kinds there are, and GuardedText, a post. Knows no way to find one."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

KINDS = ("own", "credentials", "key", "email", "iban", "card", "phone", "ip", "secret", "address")
"""Every kind. Of findings that overlap the longest gives its kind to all of them, of equal ones the first kind here."""
NAME = "name"
"""Two rare words in a row (guard_builder.py): nothing that is looked for in a post, and guarded like what is."""
GUESSED = ("secret", "address")
"""Kinds that rules can only guess, counted apart from those with a form or a check sum of their own."""

REGIONS = ("US", "GB", "DE", "AT", "CH", "FR", "ES", "IT", "PT", "BR", "RU", "PL", "NL", "IN")
"""Whose phone numbers are known without a country code."""
Policy = Literal["mask", "drop", "keep"]
"""What happens to a detail: a phrase takes its place, the whole text is left out, or nothing."""


class PrivateDetail(NamedTuple):
    """A detail at `text[start:end]`."""

    kind: str
    start: int
    end: int


class GuardedText(NamedTuple):
    """A post as the index reads it: its text as stored, and another as which it was learned, None for none.

    `author` tells authors apart, `day` is the number of the day of its time. None is not known, and makes nothing common.
    """

    text: str
    learned: str | None = None
    author: str | None = None
    day: int | None = None


def with_marks(tokens: str) -> frozenset[str]:
    """Return tokens as they stand between white space: each alone, and with a mark behind it."""
    return frozenset(token + mark for token in tokens.split() for mark in ("", ".", ",", "!", "?", ";", ")"))


def merged(found: Iterable[PrivateDetail]) -> list[PrivateDetail]:
    """Return details in order, each group that overlaps as one over all of it."""
    ordered = sorted(found, key=lambda detail: detail.start)
    groups: list[list[PrivateDetail]] = []
    end = -1
    for detail in ordered:
        if detail.start < end:
            groups[-1].append(detail)
        else:
            groups.append([detail])
        end = max(end, detail.end)
    return [_as_one(group) for group in groups]


def _as_one(group: list[PrivateDetail]) -> PrivateDetail:
    longest = max(group, key=lambda detail: (detail.end - detail.start, -KINDS.index(detail.kind)))
    return PrivateDetail(longest.kind, group[0].start, max(detail.end for detail in group))
