"""Detector: all that is private in a text. Knows no store, no network and no settings."""

import re
from collections.abc import Iterator, Sequence

from model.privacy.accounts import cards, ibans
from model.privacy.addresses import postal_addresses
from model.privacy.details import REGIONS, PrivateDetail, merged
from model.privacy.guesses import LEAST_CHARACTERS, called_secrets, drawn_secrets
from model.privacy.internet import credentials, emails, ip_addresses
from model.privacy.keys import keys
from model.privacy.phone import phones

_SIGN = re.compile(r"[\d@:=]|[(\[{]\s?[aAä]| (?:dot|DOT|punkt|p[ou]nto) ")
"""Something without which a text holds no form of any kind: four messages in five have none of it."""
_DIGIT = re.compile(r"\d")
FEWEST_DIGITS = 7
"""Digits of a phone number, an IBAN or a card; most messages have fewer."""


class Detector:
    """Finds private details; `words` are the owner's own patterns, as `owners_patterns` makes them, `regions` as REGIONS.

    A text that grows, such as a reply, may be given again and again: what was found before is found again, perhaps longer.
    """

    def __init__(self, words: Sequence[re.Pattern[str]] = (), regions: Sequence[str] = REGIONS) -> None:
        self._words = words
        self._regions = regions

    def details(self, text: str) -> list[PrivateDetail]:
        """Return what is private in a text, in order and without overlaps."""
        found = [
            PrivateDetail("own", *match.span())
            for pattern in self._words
            for match in pattern.finditer(text)
            if match.end() > match.start()
        ]
        if _SIGN.search(text):
            found += _formed(text, self._regions)
        return merged(found) if found else found


def _formed(text: str, regions: Sequence[str]) -> Iterator[PrivateDetail]:
    """Find what has a form; each kind is looked for where its least sign is there."""
    lower, digits = text.lower(), len(_DIGIT.findall(text))
    yield from emails(text)
    yield from credentials(text)
    yield from called_secrets(text, lower, has_digits=digits > 0)
    if not digits:
        return
    tokens = lower.split()
    if max(map(len, tokens)) >= LEAST_CHARACTERS:
        yield from keys(text)
        yield from drawn_secrets(text)
    yield from ip_addresses(text)
    yield from postal_addresses(text, lower, tokens)
    if digits >= FEWEST_DIGITS:
        yield from ibans(text)
        yield from cards(text)
        yield from phones(text, regions)
