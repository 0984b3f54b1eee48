"""Find bank accounts (IBAN) and payment cards by their check sums. Knows no other kind."""

import re
from collections.abc import Iterator

from model.privacy.details import PrivateDetail

_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "FK MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
    26: "BI DJ IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
"""Characters of an IBAN, and the countries whose have so many (the registry of ISO 13616)."""
_LENGTH_OF = {country: length for length, countries in _LENGTHS.items() for country in countries.split()}
_IBAN = re.compile(r"(?<![^\W_])([A-Z]{2})[ -]?(\d{2})(?=(?:[ .-]?[A-Z0-9]){11})", re.IGNORECASE)
_CARD = re.compile(r"(?<![\d.,:/_-])(?<!\d )\d(?:[ .-]?\d){12,18}(?![\d_/]|[ .,-]\d)")
_CARD_BEGINS = re.compile(
    r"4(?=\d{12}$|\d{15}$|\d{18}$)|(?:5[1-5]|2[2-7])(?=\d{14}$)|3[47](?=\d{13}$)|3[068](?=\d{12}$)"
    r"|6(?=(?:011|4[4-9]|5|2)\d*$)(?=\d{15,18}$)|35(?=\d{14}$)|(?:50|5[6-9]|6[379])(?=\d{14}$)"
)
"""How many digits each issuer's cards have, by how they begin."""
_FOURS = re.compile(r"\d{4}([ .-])\d{4}\1\d{4}\1\d{1,7}$")


def ibans(text: str) -> Iterator[PrivateDetail]:
    """Find IBANs, in groups or not, whose check sum is right."""
    for match in _IBAN.finditer(text):
        length = _LENGTH_OF.get(match[1].upper(), 0)
        end = _end_after(text, match.start(), length)
        if end and _has_remainder_1(re.sub(r"[ .-]", "", text[match.start() : end])):
            yield PrivateDetail("iban", match.start(), end)


def _end_after(text: str, start: int, length: int) -> int:
    """Return where so many letters and digits end, in groups or not; 0 where there are fewer, or more."""
    at = start
    for count in range(length):
        at += bool(count and text[at : at + 1] in {" ", ".", "-"})
        if not (text[at : at + 1].isascii() and text[at : at + 1].isalnum()):
            return 0
        at += 1
    return at if length and not text[at : at + 1].isalnum() else 0


def _has_remainder_1(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def cards(text: str) -> Iterator[PrivateDetail]:
    """Find card numbers of the issuers' forms whose check sum (Luhn) is right."""
    for match in _CARD.finditer(text):
        digits = "".join(str(int(character)) for character in match[0] if character.isdigit())
        grouped = not match[0].isdigit()
        is_long = len(digits) > 16 and not _FOURS.match(match[0])  # ids of messages have 17 to 19 digits, in one
        if _CARD_BEGINS.match(digits) and not is_long and _is_luhn(digits) and (not grouped or _is_even(match[0])):
            yield PrivateDetail("card", match.start(), match.end())


def _is_even(text: str) -> bool:
    """Whether digits stand in groups as on a card, by one kind of separator: none of one or two digits but the last."""
    groups = re.split(r"[ .-]", text)
    return len(set(re.findall(r"[ .-]", text))) == 1 and all(3 <= len(group) <= 7 for group in groups[:-1])


def _is_luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
