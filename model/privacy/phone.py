"""Find phone numbers, by the plans of all countries. The one file that knows `phonenumbers`.

With a country code, whatever its country may have. Without one, a number of one of the `regions` that is written as people
there write it; digits in one piece count only with the zero that begins them or a word such as "call" before them, as
amounts, times and ids are digits too.
"""

import re
from collections.abc import Iterator, Sequence

from model.privacy.details import PrivateDetail

CUE_CHARACTERS = 40
"""How far before a number a word may stand that says what it is."""
_DIALS_00 = "DE"
"""A country where 00 is the plus sign of a country code."""
FEWEST_DIFFERENT = 4
"""Different digits of a number without a country code: 600 000 000 is an amount."""
_CANDIDATE = re.compile(
    r"(?<![A-Za-z]\d\d[ -])(?<!\d[ .-])(?<![A-Za-z0-9_.,:/\\#=@%&$€£-])(?:\+|\(\+?)?\d(?:[\s().\-/\u2010-\u2015]{0,3}\d){6,}"
)
_CALL = re.compile(
    r"\b(?:call\w*|ring|phone|tele\w*|tel|cell\w*|mobil\w*|handy\w*|whats ?app|sms|te?xt me|fax|reach|numbers?"
    r"|ruf\w*|anruf\w*|nummer|appel\w*"
    r"|num[eé]ro|portable|ll[aá]m\w*|m[oóò]vil\w*|n[uú]mero|celular\w*|zap|lig\w+|телефон\w*|тел|номер\w*"
    r"|\w*звони\w*|dzwo\w*|zadzwo\w*|numer\w*"
    r"|chiam\w*|cellulare|bel\w*)\b",
    re.IGNORECASE,
)
_NO_PHONE = re.compile(
    r"(?:\b(?:isbn|issn|doi|order|orders|bestell\w*|ticket|invoice|rechnung\w*|tracking|sendung\w*|id|ref\w*|nr"
    r"|no\.|serial|model|version|part|"
    r"commande|facture|pedido|factura|encomenda|fatura|заказ\w*|zamówieni\w*|case|bug|issue|commit|line|port"
    r"|account|konto\w*)\b\W{0,3}\w{0,3}\W{0,2}"
    r"|[#$€£¥₽%=\u2116]\s?|[.,:/\\_@-])$",
    re.IGNORECASE,
)
"""What stands just before digits that are something else."""
_UNIT = re.compile(
    r"(?:\s?(?:[$€£¥₽%°]|(?:eur|euros?|usd|dollars?|pounds?|pln|zł|rub|руб\w*|reais|km|kg|mb|gb|kb|bytes?|people"
    r"|users|views|followers|personen|menschen|"
    r"einwohner|habitant\w*|habitantes|personas|pessoas|человек|mln|ms|px|hz|ppm|points?|pts)\b)|[-/.,:]\d|\w)",
    re.IGNORECASE,
)
"""What stands just after an amount, or a longer number."""
_THOUSANDS = re.compile(r"\d{1,3}(?:([ .,\u00a0\u202f])\d{3})(?:\1\d{3})*$")
_FRACTION = re.compile(r"\d{1,3}[.,]\d{5,}$")
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|(?:\d{1,2}[./]){2}\s?-\s?\d{1,2}[./]\d{1,2})(?!\d)"
)


def known_regions() -> frozenset[str]:
    """Return the codes of all countries whose plan is known."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415

    return frozenset(SUPPORTED_REGIONS)


def phones(text: str, regions: Sequence[str]) -> Iterator[PrivateDetail]:
    """Find phone numbers; those without a country code by the plans of `regions`, two letters each (ISO 3166)."""
    for candidate in _CANDIDATE.finditer(text):
        if _may_be_one(text, candidate):
            for start, end in _by_plans(text, candidate, regions):
                if _has_code(text, start, text[start:end]) or _is_written_as_one(text, start, end):
                    yield PrivateDetail("phone", start, end)


def _by_plans(text: str, candidate: re.Match[str], regions: Sequence[str]) -> set[tuple[int, int]]:
    """Return where numbers stand in a candidate that have a code, or that a region has."""
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415 (it takes a third of a second to import)

    begin = max(0, candidate.start() - 1)
    window = text[begin : candidate.end() + 1]
    spans = set[tuple[int, int]]()
    for sign, region in (("+", None), ("00", _DIALS_00)):
        for match in PhoneNumberMatcher(window, region, Leniency.POSSIBLE) if sign in window else ():
            if _has_code(window, match.start, match.raw_string) and begin + match.start <= candidate.start() + 1:
                spans.add((begin + match.start, begin + match.end))
    for region in regions if not spans else ():
        spans.update((begin + one.start, begin + one.end) for one in PhoneNumberMatcher(window, region, Leniency.VALID))
    return spans


def _has_code(text: str, start: int, piece: str) -> bool:
    """Whether a number begins with a country's code."""
    is_varied, before = len(set(piece)) >= FEWEST_DIFFERENT, text[max(0, start - 1) : start]
    return piece.lstrip("(").startswith(("+", "00")) and is_varied and not (before.isascii() and before.isalnum())


def _may_be_one(text: str, match: re.Match[str]) -> bool:
    """Whether digits are worth a look at the plans: dates, and numbers in one piece that nothing calls one, are not."""
    piece = match[0]
    if piece.startswith(("+", "(+", "00")):
        return True
    before = text[max(0, match.start() - CUE_CHARACTERS) : match.start()]
    if _CALL.search(before):
        return True
    if (piece.isdigit() and not piece.startswith("0")) or _NO_PHONE.search(before):
        return False
    return not _DATE.match(piece) or len(piece) > 20


def _is_written_as_one(text: str, start: int, end: int) -> bool:
    """Whether digits that a country has as a number are meant as one."""
    piece, before = text[start:end], text[max(0, start - CUE_CHARACTERS) : start]
    digits = re.sub(r"\D", "", piece)
    is_called = _CALL.search(before) is not None
    if len(set(digits)) < FEWEST_DIFFERENT or _UNIT.match(text, end) or _DATE.match(piece) or _FRACTION.match(piece):
        return False
    if is_called:
        return not before.endswith((".", ",", "#", "$", "€"))
    if _NO_PHONE.search(before):
        return False
    if piece.isdigit():
        return piece.startswith("0")
    groups = re.findall(r"\d+", piece)
    return all(len(group) > 1 for group in groups[1:]) and (len(digits) == 9 or not _THOUSANDS.match(piece))
