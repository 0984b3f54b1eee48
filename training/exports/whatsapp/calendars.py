"""Dates of WhatsApp's calendars: which of three numbers is the year, and whether it is Buddhist or Persian.

The timestamp is in the phone's locale, which the file does not name: 03/04/20 is April in Rome and March in Boston, so order
and calendar are detected from all dates of a file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from model.errors import DannError
from training.exports.common.files import ExportFile
from training.exports.common.stream_errors import warn_once

Numbers = tuple[int, int, int]
Order = tuple[int, int, int]
"""The positions of year, month and day among the three numbers of a date."""
Calendar = str
"""A name in CALENDARS."""

DAY_FIRST: Order = (2, 1, 0)
MONTH_FIRST: Order = (2, 0, 1)
YEAR_FIRST: Order = (0, 1, 2)
DAY_SECONDS = 86_400
FIRST_YEAR = 2009
"""Of WhatsApp; no message is older."""
_TIMES_LONGER = 4
"""How much longer a span of days has to be to be unlikely, beside another reading of the same dates."""
_MOST_UNDECIDED = 500
"""Dates from the first that may be undecided; in two orders alike there are at most some dozens a year."""
_PERSIAN_LEAP_YEARS = frozenset({1, 5, 9, 13, 17, 22, 26, 30})
_SHORT_CENTURIES = {"gregorian": (2000,), "buddhist": (2500,), "persian": (1300, 1400), "minguo": (0,)}


def _persian(year: int, month: int, day: int) -> date:
    """Convert a date of the Persian calendar, whose leap years follow a cycle of 33 years in this time."""
    leap = year % 33 in _PERSIAN_LEAP_YEARS
    if not (
        1300 <= year <= 1500 and 1 <= month <= 12 and 1 <= day <= (31 if month < 7 else 30 if month < 12 else 29 + leap)
    ):
        raise ValueError("no such day")
    leap_days = sum(one % 33 in _PERSIAN_LEAP_YEARS for one in range(1388, year))
    days = 365 * (year - 1388) + leap_days + 30 * (month - 1) + min(month - 1, 6) + day - 1
    return date(2009, 3, 21) + timedelta(days=days)  # the first day of 1388


CALENDARS: dict[Calendar, Callable[[int, int, int], date]] = {
    "gregorian": date,
    "buddhist": lambda year, month, day: date(year - 543, month, day),
    "persian": _persian,
    "minguo": lambda year, month, day: date(year + 1911, month, day),
}
"""Others are tried only where the first does not fit; whatever fits none is refused."""


@dataclass(frozen=True, slots=True)
class DateOrder:
    """The order and calendar of a file's dates.

    `is_known` where they follow from the dates, or are much likelier. `others` are the first seconds of other days that the
    file's first dates stand for in an order that only later dates rule out: an export that ended before those may have been
    read in it.
    """

    order: Order
    calendar: Calendar
    is_known: bool
    others: Mapping[Numbers, tuple[float, ...]]


class DateDetector:
    """Collects the dates of one file, then chooses the order and calendar that fit them best."""

    def __init__(self) -> None:
        self._readings = [
            _Reading(order, calendar) for calendar in CALENDARS for order in (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
        ]
        self._first: list[Numbers] = []
        self._last: Numbers | None = None
        self._count = 0

    def add(self, numbers: Numbers) -> None:
        """Add the date of the next message."""
        if numbers != self._last:
            self._last = numbers
            self._count += 1
            if len(self._first) < _MOST_UNDECIDED:
                self._first.append(numbers)
            for reading in self._readings:
                reading.add(numbers)

    def detect(self, file: ExportFile) -> DateOrder:
        """Return the order with fewest invalid dates, then fewest steps back, else the likeliest.

        Raises DannError where no calendar makes a date between 2009 and next year of most of them.
        """
        calendars = list(CALENDARS)
        while True:
            calendar = calendars.pop(0)
            readings = [reading for reading in self._readings if reading.calendar == calendar]
            best = min(reading.faults for reading in readings)
            if 2 * best[0] <= self._count:
                break
            if not calendars:
                found = "/".join(map(str, self._last or ()))
                raise DannError(
                    f"{file.label}: its dates, such as {found}, are of no year from {FIRST_YEAR} to {_last_year()} in any "
                    "calendar that dann knows; set the phone to the Gregorian calendar and export the chat again"
                )
        tied = [reading for reading in readings if reading.faults == best]
        reading, is_known = _likeliest(tied)
        if tied[-1].order != YEAR_FIRST and len({(one.first, one.last) for one in tied}) > 1:
            shown = "day/month" if reading.order == DAY_FIRST else "month/day"
            warn_once(
                f"{file.label}: its dates could be day/month or month/day, and no date decides which; read as {shown}"
                + (", which is likelier" if is_known else "")
            )
        others = [other for other in readings if other is not reading]
        return DateOrder(reading.order, calendar, is_known, self._days_in(others, reading))

    def _days_in(self, others: list["_Reading"], chosen: "_Reading") -> dict[Numbers, tuple[float, ...]]:
        """Return the days that dates stand for in other orders, up to the first that each of these does not fit."""
        days: dict[Numbers, tuple[float, ...]] = {}
        for other in others:
            for numbers in self._first[: other.fitting]:
                own, day = chosen.day(numbers), other.day(numbers)
                if day is not None and day != own:
                    start = midnight(day)
                    days[numbers] = tuple(dict.fromkeys((*days.get(numbers, ()), start)))
        return days


class _Reading:
    """The dates so far, read in one order and calendar: its faults, the first day and the last."""

    def __init__(self, order: Order, calendar: Calendar) -> None:
        self.order, self.calendar = order, calendar
        self.faults = (0, 0)
        self.fitting = 0
        """Dates before the first fault."""
        self.first: date | None = None
        self.last: date | None = None

    def add(self, numbers: Numbers) -> None:
        day = self.day(numbers)
        invalid, backward = self.faults
        if day is None:
            self.faults = (invalid + 1, backward)
            return
        if self.last and day < self.last:
            self.faults = (invalid, backward + 1)
        self.fitting += self.faults == (0, 0)
        self.first = self.first or day
        self.last = day

    def day(self, numbers: Numbers) -> date | None:
        return day_of(numbers, self.order, self.calendar)

    def days(self) -> int:
        return abs((self.last - self.first).days) + 1 if self.last and self.first else 0

    def is_of_the_future(self) -> bool:
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)  # the phone's zone may be ahead by 14 hours
        return self.last is not None and self.last > tomorrow


def _likeliest(tied: list[_Reading]) -> tuple[_Reading, bool]:
    """Choose among readings that fit equally well, day first without a reason; return whether there is one.

    1/5, 1/6, 1/7 are three days in a row or the first day of three months: people write the former. Nor do they write in the
    future.
    """
    tied = [reading for reading in tied if not reading.is_of_the_future()] or tied
    shortest = min(tied, key=_Reading.days)
    spans = {(reading.first, reading.last): reading for reading in tied}
    others = [other for days, other in spans.items() if days != (shortest.first, shortest.last)]
    is_known = all(_TIMES_LONGER * shortest.days() <= other.days() for other in others)
    return (shortest if is_known or tied[-1].order == YEAR_FIRST else tied[0]), is_known


@lru_cache(maxsize=65536)  # a chat has many messages a day, and twelve readings are tried
def day_of(numbers: Numbers, order: Order, calendar: Calendar) -> date | None:
    """Return the day that three numbers stand for, or None for one that does not exist or is not of WhatsApp's time."""
    year, month, day = (numbers[position] for position in order)
    for century in _SHORT_CENTURIES[calendar] if year < 100 else (0,):
        try:
            found = CALENDARS[calendar](century + year, month, day)
        except (ValueError, OverflowError):
            continue
        if FIRST_YEAR <= found.year <= _last_year():
            return found
    return None


def former_seconds(numbers: Numbers, order: Order, seconds: float) -> float:
    """Return the time that 0eb29d7 took a message for, which believed years of any calendar."""
    year, month, day = (numbers[position] for position in order)
    year += 2000 if year < 100 else 0
    try:
        return datetime(year, month, day, tzinfo=UTC).timestamp() + seconds % DAY_SECONDS
    except ValueError:
        return seconds


def midnight(day: date) -> float:
    """Return a day's first second in Unix time, as UTC."""
    return (day - date(1970, 1, 1)) / timedelta(seconds=1)


def _last_year() -> int:
    return datetime.now(UTC).year + 1
