"""Times as people, spreadsheets and other programs write them, to Unix seconds. Knows no format.

ISO 8601; seconds, milli-, micro- and nanoseconds since 1970, nanoseconds since 2001 (Apple); "15.01.2024 10:01",
"1/15/24 9:00 PM", "15-Jan-18 10:01 AM", "Mon, 15 Jan 2024 10:01:00 +0000", 20240115100100. A time without a zone is UTC.
"""

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from training.exports.common import iso_time

_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: month for month, name in enumerate(_NAMES.split(), 1)}
_CLOCK = re.compile(
    r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?(?![\d:])\s?(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE
)
_ZONE = re.compile(r"(?:UTC|GMT|Z)?\s{0,2}([+-])(\d{2}):?(\d{2})$|(?:UTC|GMT|Z)$", re.IGNORECASE)
_COMPACT = re.compile(r"(?:19|20)\d{10}(?:\d\d)?", re.ASCII)
"""A date and a clock in 12 or 14 digits; as milliseconds these are of 1976 or of the 26th century."""
_NUMERIC_DATE = re.compile(r"\s{0,9}(\d{1,2})([/.-])(\d{1,2})\2\d{2,4}(?!\d)")
_NUMBER = re.compile(r"[+-]?\d{1,25}(?:\.\d{1,9})?")
_LONGEST = 60
"""Characters of a time; a longer value is none."""
_FIRST_YEAR, _LAST_YEAR = 1970, 9999
_FIRST_MILLISECOND = 1e11
"""As seconds this is the year 5138, as milliseconds 1973."""
_FIRST_MICROSECOND, _FIRST_NANOSECOND, _FIRST_UNIX_NANOSECOND = 1e14, 1e17, 1e18
"""Nanoseconds below the last are Apple's: since 2001, so they reach it in 2032."""
_APPLE_EPOCH = 978_307_200


def seconds(value: object, *, month_first: bool = False) -> float | None:
    """Return Unix seconds, or None for what is no time; `month_first` is how to read "01/02/2024" and "01-02-2024"."""
    if (time := iso_time.seconds(value)) is not None:
        return time
    if _COMPACT.fullmatch(digits := str(value).strip()):
        with suppress(ValueError):
            return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    return _local_seconds(value, month_first=month_first)


def former_seconds(value: object, *, month_first: bool = False) -> float | None:
    """Return Unix seconds as versions before read a time: digits as ISO 8601, and the month first only before a slash."""
    if (time := iso_time.former_seconds(value)) is not None:
        return time
    return _local_seconds(value, month_first=month_first and "/" in str(value))


def _local_seconds(value: object, *, month_first: bool) -> float | None:
    text = "" if isinstance(value, bool) else str(value).strip()
    if not 0 < len(text) <= _LONGEST:
        return None
    text = unicodedata.normalize("NFKC", text)
    if _NUMBER.fullmatch(text):
        return _since_epoch(float(text))
    parts = _parts(text)
    if parts is None:
        return None
    date, clock, zone = parts
    day = _day(date, month_first=month_first)
    try:
        return day and (datetime(*day, *clock, tzinfo=UTC) - zone).timestamp()
    except (ValueError, OverflowError):
        return None


def unix_seconds(value: object) -> float | None:
    """Return the seconds of a number of (milli-, micro-, nano-)seconds since 1970, None for anything else and before 1970."""
    text = "" if isinstance(value, bool) else str(value).strip()
    time = _since_epoch(float(text)) if len(text) <= _LONGEST and _NUMBER.fullmatch(text) else None
    return time if time is None or time >= 0 else None


class MonthVotes:
    """Whether the month comes first in dates of numbers: most of those that tell, such as 1/15/2024, decide for all."""

    def __init__(self, dividers: str = "/.-") -> None:
        self._dividers, self._votes = dividers, 0

    def add(self, value: object) -> None:
        """Count a value, if it is such a date."""
        found = _NUMERIC_DATE.match(value) if isinstance(value, str) else None
        if found and found[2] in self._dividers:
            self._votes += (int(found[3]) > 12) - (int(found[1]) > 12)

    @property
    def month_first(self) -> bool:
        """Whether the month comes first; the day does where no date tells."""
        return self._votes > 0


def _since_epoch(number: float) -> float | None:
    size = abs(number)
    if size >= _FIRST_UNIX_NANOSECOND:
        number /= 1e9
    elif size >= _FIRST_NANOSECOND:
        number = number / 1e9 + _APPLE_EPOCH
    elif size >= _FIRST_MICROSECOND:
        number /= 1e6
    elif size >= _FIRST_MILLISECOND:
        number /= 1e3
    return iso_time.showable(number)


def _parts(text: str) -> tuple[str, tuple[int, int, int], timedelta] | None:
    """Return a time's date, clock and distance from UTC, or None for too much besides."""
    offset = timedelta(0)
    zone = _ZONE.search(text)
    if zone and (not zone[1] or _CLOCK.search(text, 0, zone.start())):  # "01-15-2024" ends in no zone
        text = text[: zone.start()]
        if zone[1]:
            offset = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1)
    clock = _CLOCK.search(text)
    if clock is None:
        return (text, (0, 0, 0), offset) if re.search(r"\d\D+\d|[^\W\d_]", text) else None
    hour, minute, second, half = int(clock[1]), int(clock[2]), int(clock[3] or 0), (clock[4] or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + 12 * (half == "p")
    return text[: clock.start()] + " " + text[clock.end() :], (hour, minute, second), offset


def _day(text: str, *, month_first: bool) -> tuple[int, int, int] | None:
    numbers = re.findall(r"\d{1,4}", text)
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", text)]
    months = [_MONTHS[word[:3]] for word in words if word[:3] in _MONTHS and len(word) >= 3]
    if len(numbers) == 2 and len(months) == 1:
        day, year = numbers if len(numbers[0]) < 3 else reversed(numbers)
        found = (_full_year(year), months[0], int(day))
    elif len(numbers) == 3 and not words:
        if len(numbers[0]) == 4:
            found = (int(numbers[0]), int(numbers[1]), int(numbers[2]))
        else:
            first, second = int(numbers[0]), int(numbers[1])
            swap = second > 12 or (first <= 12 and month_first)
            found = (_full_year(numbers[2]), *((first, second) if swap else (second, first)))
    else:
        return None
    return found if _FIRST_YEAR <= found[0] <= _LAST_YEAR else None


def _full_year(written: str) -> int:
    return int(written) + (2000 if len(written) < 3 else 0)
