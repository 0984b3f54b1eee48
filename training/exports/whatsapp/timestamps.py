"""WhatsApp's timestamps: a grammar for those of all locales, and the one style that a file has. Knows no text."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from training.exports.common.encodings import DIRECTION_MARKS
from training.exports.whatsapp import day_parts
from training.exports.whatsapp.calendars import Numbers

_M = f"[{DIRECTION_MARKS}]{{0,3}}"  # every repeat here has a bound, so that no line takes quadratic time
_WORD = r"[^\W\d_][^\d\n:\[\]<>/]{0,20}?"
_AFTER_DATE = r"\.?(?:[ \xa0\u202f]?г\.)?"
_STAMP = re.compile(
    rf"{_M}(?P<open>\[?){_M}(?P<a>\d{{1,4}}){_M}(?P<sep>[./-])[ ]?{_M}\d{{1,2}}{_M}(?P=sep)[ ]?{_M}(?P<c>\d{{1,4}}){_M}"
    rf"{_AFTER_DATE}(?P<comma>[,،]?)\s{{1,3}}{_M}(?:{_WORD}\s?{_M})?"
    rf"\d{{1,2}}(?P<colon>[:.])\d{{2}}(?P<seconds>(?:(?P=colon)\d{{2}})?){_M}(?:\s?{_M}{_WORD})?{_M}"
    r"(?P<close>\]|\s[-–—]|:)(?:\s|$)"
)
_CLOCK_PARTS = re.compile(r"(?<!\d)(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?")
_MARKS = re.compile(f"[{DIRECTION_MARKS}]")
_FIRST_STAMPS = 20
"""Stamps that settle the style of a file that begins within a message."""


@dataclass(frozen=True, slots=True)
class Style:
    """What all stamps of a file have in common; `a` and `c` are the digits of its first and last number, 2 or 4."""

    bracket: bool
    separator: str
    a: int
    c: int
    comma: bool
    colon: str
    seconds: bool
    close: str
    zero: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """A message's first line: a date's numbers in unknown order, the second of the day, and the rest.

    `unknown` is a word beside the time that may say which half of the day it is, and whose meaning is not known.
    """

    numbers: Numbers
    seconds: int
    rest: str
    unknown: str = ""


def style_of(line: str) -> Style | None:
    """Return the style of the timestamp at a line's start, or None for a line that has none."""
    match = _STAMP.match(line)
    if not match:
        return None
    bracket, close, seconds = bool(match["open"]), match["close"].strip()[0], bool(match["seconds"])
    if bracket != (close == "]") or (close == ":" and not seconds):  # iPhones of 2014 wrote "13.06.18 21:25:15: Name"
        return None
    a, c = (4 if len(match[end]) > 2 else 2 for end in "ac")
    zero = chr(ord(match["a"][0]) - int(match["a"][0]))
    return Style(bracket, match["sep"], a, c, bool(match["comma"]), match["colon"], seconds, close, zero)


def settle_style(lines: Iterable[str]) -> Style | None:
    """Return a file's style: its first line's or, where it begins within a message, that of most of its first stamps."""
    styles: Counter[Style] = Counter()
    begins_inside = False
    for line in lines:
        style = style_of(line)
        if style is None:
            begins_inside = begins_inside or bool(line.strip())
            continue
        if not begins_inside:
            return style
        styles[style] += 1
        if styles.total() == _FIRST_STAMPS:
            break
    return max(styles, key=styles.__getitem__) if styles else None


class StampParser:
    """Parses the timestamps of one style, quickly; other lines continue a message.

    `match(line)` gives None or a match whose groups `date_of` and `clock_of` understand, and after whose end the name begins:
    a chat's dates and times recur, so each is understood once. `plain(line)` gives the same, in a third of the time, for
    stamps without marks and words, which most chats have alone, and None for others.
    """

    def __init__(self, style: Style) -> None:
        d = f"[{style.zero}-{chr(ord(style.zero) + 9)}]"
        a, c = (f"{d}{{3,4}}" if digits == 4 else f"{d}{{1,2}}" for digits in (style.a, style.c))
        bracket, comma = r"\[" if style.bracket else "", "[,،]" if style.comma else ""
        sep, colon = re.escape(style.separator), re.escape(style.colon)
        seconds = rf"{colon}{d}{{2}}" if style.seconds else ""
        close = {"]": r"\]", ":": ":"}.get(style.close, rf"\s{style.close}")
        self.plain = re.compile(
            rf"{bracket}({a}{sep}{d}{{1,2}}{sep}{c}){comma} ({d}{{1,2}}{colon}{d}{{2}}{seconds}(?:[ \u202f][AaPp][Mm])?)"
            rf"{close} "
        ).match
        self.match = re.compile(
            rf"{_M}{bracket}{_M}({a}{_M}{sep}[ ]?{_M}{d}{{1,2}}{_M}{sep}[ ]?{_M}{c}){_M}{_AFTER_DATE}{comma}"
            rf"\s{{1,3}}{_M}((?:{_WORD}\s?{_M})?{d}{{1,2}}{colon}{d}{{2}}{seconds}{_M}(?:\s?{_M}{_WORD})?){_M}{close}(?:\s|$)"
        ).match

    def parse(self, line: str) -> Stamp | None:
        """Parse the timestamp at a line's start, or return None for a line that continues a message."""
        match = self.plain(line) or self.match(line)
        clock = clock_of(match[2]) if match else None
        return Stamp(date_of(match[1]), clock[0], line[match.end() :], clock[1]) if match and clock else None


@lru_cache(maxsize=1 << 12)
def date_of(date: str) -> Numbers:
    """Return the three numbers of a date."""
    first, second, third = (int(number) for number in re.findall(r"\d+", date))
    return first, second, third


@lru_cache(maxsize=1 << 14)
def clock_of(written: str) -> tuple[int, str] | None:
    """Return the second of the day and a word not known, or None for what is no time of day."""
    before, hours, minutes, seconds, after = _CLOCK_PARTS.split(_MARKS.sub("", written), maxsplit=1)
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    unknown = ""
    for word in (before.strip(), after.strip()):
        if word and not day_parts.is_joiner(word):
            known = day_parts.hour_of_day(hour, word)
            unknown = unknown or (word if known is None else "")
            hour = hour if known is None else known
    if hour > 23 or minute > 59 or second > 59:
        return None
    return hour * 3600 + minute * 60 + second, unknown
