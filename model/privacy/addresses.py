"""Guess postal addresses: a street with its number, as nine languages write them, and the town. Knows no other kind."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from model.privacy.details import PrivateDetail, with_marks

_NAME = r"[^\W\d_][\w'’.-]{0,30}"
_CAPITAL = r"(?-i:(?=[^\W\d_a-zà-öø-ÿ]))"
_NUMBER = r"\d{1,5}(?:\s?[-/]\s?\d{1,4})?(?:\s?[A-Za-z](?!\w))?"
_LITTLE = r"(?:de |du |des |la |le |les |l['’]|d['’]|del |las |los |da |do |das |dos |di |della |dei |delle |degli )"
_NO_PRICE = r"(?<![\w.:/$€£-])"


_ENDINGS = (
    "straße", "strasse", "str.", "weg", "gasse", "allee", "platz", "ufer", "damm", "chaussee", "straat", "laan", "gracht",
    "kade", "plein",
)  # fmt: skip


class _Streets(NamedTuple):
    """How streets are written: where `form` finds one, one of `tokens` or `stems` is in the text, in small letters."""

    tokens: frozenset[str]
    stems: Sequence[str]
    form: re.Pattern[str]


_STREETS = (
    _Streets(  # 12 Elm Street; 1600 North Long Hill Rd., Apt 4
        with_marks(
            "street st avenue ave road rd lane ln drive dr court ct place pl boulevard blvd square sq terrace"
            " close crescent way row gardens grove highway "
            "hwy parkway pkwy"
        ),
        (),
        re.compile(
            rf"{_NO_PRICE}\d{{1,5}}[A-Za-z]?,?\s(?:[A-Z0-9][\w'’.-]{{0,30}}\s){{1,4}}"
            r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Boulevard|Blvd|Square|Sq"
            r"|Terrace|Close|Crescent|Way|Row|Gardens|Grove|"
            r"Highway|Hwy|Parkway|Pkwy)(?!\w)\.?(?:,?\s(?:Apt|Apartment|Unit|Suite|Ste|Flat|Floor|#)\.?\s?\w{1,5})?"
            rf"|{_NO_PRICE}(?!\d+ (?:way|lane|wall|minutes?|min|hours?|days?|miles?|blocks?|of|more|people|other"
            rf"|different)\b)\d{{1,5}}[a-z]?,?\s"
            r"(?:(?!the |of |on |in |and )[a-z][a-z'’-]{2,20}\s){1,2}(?:street|avenue|boulevard|blvd|ave|road"
            r"|rd)(?!\w)"
        ),
    ),
    _Streets(  # Hauptstraße 12a, Lange Gasse 3, Keizersgracht 174
        with_marks("straße strasse str weg gasse allee platz ring ufer damm"),
        [f"{ending} " for ending in _ENDINGS],
        re.compile(
            r"(?<!\w)(?:(?:am|an der|auf der|im|in der|zum|zur) )?"
            r"[^\W\d_][\w'’.-]{0,30}(?:stra(?:ß|ss)e|str\.|weg|gasse|allee|platz|ufer|damm|chaussee"
            r"|straat|laan|gracht|kade|plein)"
            rf"\s{_NUMBER}(?!\w)"
            rf"|(?<!\w)(?:(?-i:[A-ZÄÖÜ])[\w'’.-]{{1,30}}\s){{1,2}}(?-i:Straße|Strasse|Str\.?|Weg|Gasse|Allee"
            rf"|Platz|Ring|Ufer|Damm)\s{_NUMBER}(?!\w)",
            re.IGNORECASE,
        ),
    ),
    _Streets(  # 12 bis, rue de la Paix
        with_marks("rue avenue av boulevard bd chemin allée impasse quai route cours square sentier"),
        (),
        re.compile(
            rf"{_NO_PRICE}\d{{1,4}}(?:\s?(?:bis|ter|quater))?,?\s(?:rue|avenue|av\.|boulevard|bd|chemin|allée"
            rf"|impasse|quai|route|cours|square|sentier)\s"
            rf"{_LITTLE}{{0,3}}{_NAME}(?:[ -]{_CAPITAL}{_NAME}){{0,4}}",
            re.IGNORECASE,
        ),
    ),
    _Streets(  # calle Mayor 5; Rua das Flores, 123; via Roma 7
        with_marks(
            "calle c/ avenida avda plaza paseo rua travessa praça alameda estrada largo via viale piazza corso vicolo"
        ),
        (),
        re.compile(
            r"(?<![\w.])(?:calle|c/|avenida|avda\.?|plaza|paseo|rua|travessa|praça|alameda|estrada|viale|piazza"
            r"|vicolo"
            rf"|(?:via|corso"
            rf"|largo)(?=\s{_LITTLE}?{_CAPITAL}))\s{_LITTLE}{{0,2}}(?:{_NAME}\s?){{1,4}}?,?\s?(?:n[º°.]{{0,2}}\s?|numero\s|número\s)?"
            rf"(?<=[\s,º°.]){_NUMBER}(?![\w%€$:.])(?!\s?(?:€|euros?|min|km|horas?|ore|h\b))",
            re.IGNORECASE,
        ),
    ),
    _Streets(  # ul. Długa 7/3
        with_marks("ul ulica ulicy al aleja alei os"),
        (),
        re.compile(
            rf"(?<![\w.])(?:ul\.|ulica|ulicy|al\.|aleja|alei|os\.)\s{_CAPITAL}(?:{_NAME}\s){{1,3}}{_NUMBER}(?!\w)",
            re.IGNORECASE,
        ),
    ),
    _Streets(  # улица Ленина, д. 5, кв. 12
        with_marks("ул улица улице улицы пр пр-т проспект проспекте переулок бульвар шоссе"),
        ("ул.", "пр.", "пер.", "наб."),
        re.compile(
            r"(?<!\w)(?:ул\.?|улица|улице|улицы|пр\.|пр-т|проспект|проспекте|пер\.|переулок|наб\.|бульвар|шоссе)\s?"
            rf"(?:{_NAME}[\s,]{{1,2}}){{1,3}}(?:д\.?\s?|дом\s)?{_NUMBER}(?:,?\s?(?:кв\.?|квартира|корп\.?"
            rf"|стр\.?)\s?\d{{1,4}}){{0,3}}(?!\w)",
            re.IGNORECASE,
        ),
    ),
)
_TOWN = re.compile(
    r",?\s(?:(?:D|A|CH|F|NL|PL)-)?(?:\d{4,5}(?:-\d{3,4})?|\d{2}-\d{3}|\d{4}\s?[A-Z]{2}"
    r"|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2})(?:\s[A-ZÄÖÜ][\w'’.-]{1,30}){1,2}"
    r"|,\s[A-Z][\w'’.-]{1,30}(?:\s[A-Z][\w'’.-]{1,30}){0,2},?\s(?:[A-Z]{2}\s)?(?:\d{5}(?:-\d{4})?"
    r"|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2})(?!\w)"
)
"""A town with its postal code, before it or behind it."""


STREETS = frozenset[str]().union(*(streets.tokens for streets in _STREETS))
"""The tokens of all, in small letters."""
_LETTER_AND_NUMBER = re.compile(r"[egzrmtn.]\s\d")
"""The last letter of each ending, and a number: quicker to look for than the endings."""
_ABBREVIATIONS = re.compile(r"(?:ул|пр|пер|наб)\.")


def may_hold_street(lower: str, tokens: Sequence[str]) -> bool:
    """Whether a text, given in small letters, may name a street: by its token, or its ending before a number."""
    if not STREETS.isdisjoint(tokens):
        return True
    if _LETTER_AND_NUMBER.search(lower) and any(
        then[0].isdigit() and token.endswith(_ENDINGS) for token, then in pairwise(tokens)
    ):
        return True
    return not lower.isascii() and _ABBREVIATIONS.search(lower) is not None


def postal_addresses(text: str, lower: str, tokens: Sequence[str]) -> Iterator[PrivateDetail]:
    """Find streets with their house numbers, and the town where it stands behind.

    `lower` is the text in small letters, `tokens` what stands between its white space.
    """
    for streets in _STREETS:
        if not streets.tokens.isdisjoint(tokens) or any(stem in lower for stem in streets.stems):
            for match in streets.form.finditer(text):
                end = match.start() + len(match[0].rstrip(" ,-"))
                town = _TOWN.match(text, end)
                yield PrivateDetail("address", match.start(), town.end() if town else end)
