"""Detector: all that is private in a text. Knows no store, no network and no settings."""

import re
from collections.abc import Iterator, Sequence

from model.privacy.accounts import cards, ibans
from model.privacy.addresses import may_hold_street, postal_addresses
from model.privacy.details import REGIONS, PrivateDetail, merged
from model.privacy.guesses import CUES, LEAST_CHARACTERS, called_secrets, drawn_secrets, may_call_password
from model.privacy.internet import credentials, emails, ip_addresses, may_be_spelled, spelled_emails
from model.privacy.keys import LEAST_IN_KEY, keys
from model.privacy.phone import phones

_SIGN = re.compile(r"[\d@:=]")
"""Something without which a text holds no form but a spelled e-mail address: three messages in four have none of it."""
_KEY_OF_LETTERS = re.compile(r"[-_][A-Za-z]{16}")
_DIGIT = re.compile(r"\d")
FEWEST_DIGITS, FEWEST_IN_IBAN = 7, 4
"""Digits of a phone number or a card, and of an IBAN, which may have letters too; most messages have fewer."""


class Detector:
    """Finds private details; `words` are the owner's own patterns, as `owners_patterns` makes them, `regions` as REGIONS.

    A text that grows, such as a reply, may be given again and again: what was found before is found again, perhaps longer.
    """

    def __init__(self, words: Sequence[re.Pattern[str]] = (), regions: Sequence[str] = REGIONS) -> None:
        self._words = words
        self._regions = regions

    def details(self, text: str) -> list[PrivateDetail]:
        """Return what is private in a text, in order and without overlaps."""
        found = self._listed(text) if self._words else []
        if _SIGN.search(text) or _has_rare_sign(text):
            found += _formed(text, self._regions)
        return merged(found) if found else found

    def _listed(self, text: str) -> list[PrivateDetail]:
        """Find the owner's own words."""
        matches = (match for pattern in self._words for match in pattern.finditer(text))
        return [PrivateDetail("own", *match.span()) for match in matches if match.end() > match.start()]


def _has_rare_sign(text: str) -> bool:
    """Whether an e-mail address may be spelled out, or a key have no digit."""
    if "(at" in text or "[at" in text or " dot " in text or " punto " in text:
        return True
    return ("-" in text or "_" in text) and _KEY_OF_LETTERS.search(text) is not None


def _formed(text: str, regions: Sequence[str]) -> list[PrivateDetail]:
    """Find what has a form; each kind is looked for where its least sign is there, as looking is slow."""
    found: list[PrivateDetail] = []
    if "@" in text:
        found += emails(text)
    if may_be_spelled(text):
        found += spelled_emails(text)
    if "://" in text:
        found += credentials(text)
    lower, digits = text.lower(), len(_DIGIT.findall(text))
    if not digits and not ("-" in text or "_" in text or may_call_password(lower)):
        return found
    tokens = lower.replace(":", " ").replace("=", " ").split()
    if not CUES.isdisjoint(tokens):
        found += called_secrets(text)
    long = [token for token in tokens if len(token) >= LEAST_CHARACTERS]
    if "PRIVATE KEY" in text or (long and len(max(long, key=len)) >= LEAST_IN_KEY):
        found += keys(text)
    if digits:
        if long and any(map(_DIGIT.search, long)):
            found += drawn_secrets(text)
        found += _with_digits(text, lower, tokens, digits, regions)
    return found


def _with_digits(
    text: str, lower: str, tokens: Sequence[str], digits: int, regions: Sequence[str]
) -> Iterator[PrivateDetail]:
    if text.count(".") >= 3 or text.count(":") >= 2:
        yield from ip_addresses(text)
    if may_hold_street(lower, tokens):
        yield from postal_addresses(text, lower, tokens)
    if digits >= FEWEST_IN_IBAN:
        yield from ibans(text)
    if digits >= FEWEST_DIGITS:
        yield from cards(text)
        yield from phones(text, regions)
