"""The stamp before every WhatsApp message, and in which order its numbers stand. Knows nothing of names or texts.

The stamp is written in the phone's own locale and says nothing about it: 03/04/20 is April in Rome and March in Boston,
so all dates of a file are looked at before any is believed.
"""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache

MARKS = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
"""Invisible direction marks, as the inside of a character class."""

_STAMP = re.compile(
    rf"^[{MARKS}]*(?P<bracket>\[)?[{MARKS}]*"
    r"(?P<a>\d{1,4})[./-][ ]?(?P<b>\d{1,2})[./-][ ]?(?P<c>\d{1,4})\.?[,،]?\s+(?:klo |kl\. )?"
    rf"[{MARKS}]*(?P<before>上午|下午|오전|오후|午前|午後)?\s?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
    r"(?:\s?(?P<after>[ap]\.?\s?m\.?|[صم]|ö[ös]|π\.μ\.|μ\.μ\.))?"
    r"(?(bracket)\]|\s[-–])(?:\s(?P<rest>.*)|$)$",
    re.IGNORECASE,
)
_AFTERNOON = {"下午", "오후", "午後", "م", "ös", "μ.μ."}
_FIRST_YEAR = 2009  # WhatsApp's own; a smaller number is no year

Order = tuple[int, int, int]
"""Where year, month and day stand among the three numbers of a date."""

DAY_FIRST: Order = (2, 1, 0)
MONTH_FIRST: Order = (2, 0, 1)
YEAR_FIRST: Order = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The beginning of a message: the three numbers of a date, without an order yet, a time, the rest of the line."""

    numbers: tuple[int, int, int]
    clock: time
    rest: str

    def seconds(self, order: Order) -> float | None:
        """Unix seconds, the local time read as UTC (the file has no zone), or None where the order gives no date."""
        day = _date(self.numbers, order)
        return datetime.combine(day, self.clock, UTC).timestamp() if day else None


def stamp(line: str) -> Stamp | None:
    """Read the stamp a line begins with, or None where the line continues the message before it."""
    found = _STAMP.match(line)
    if not found:
        return None
    hour = int(found["hour"])
    half = (found["before"] or found["after"] or "").lower()
    if half and hour <= 12:  # some phones write 00:08 a. m., so 0 counts as 12
        hour = hour % 12 + (12 if half in _AFTERNOON or half.startswith("p") else 0)
    try:
        clock = time(hour, int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        return None
    return Stamp((int(found["a"]), int(found["b"]), int(found["c"])), clock, found["rest"] or "")


class DateOrder:
    """Looks at the dates of one file as they go by, then settles the order that makes sense of them all."""

    def __init__(self) -> None:
        self._readings = [_Reading(order) for order in (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)]
        self._last: tuple[int, int, int] | None = None

    def see(self, numbers: tuple[int, int, int]) -> None:
        """Take in the date of the next message."""
        if numbers != self._last:
            self._last = numbers
            for reading in self._readings:
                reading.see(numbers)

    def settle(self, label: str) -> Order:
        """Choose the order with fewest impossible dates, then with fewest steps back in time, else the day first."""
        best = min(reading.faults for reading in self._readings)
        tied = [reading for reading in self._readings if reading.faults == best]
        if tied[-1].order == YEAR_FIRST and len(tied) > 1:
            # 20-01-15, 20-01-16 runs over two days or over two years: people export the former.
            return min(tied, key=_Reading.span).order
        if len(tied) > 1 and tied[0].first != tied[1].first:
            logging.getLogger("dann").warning(
                "%s: its dates could be day/month or month/day and nothing in it tells which; read as day/month", label
            )
        return tied[0].order


class _Reading:
    """What the dates seen so far look like in one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.faults = (0, 0)
        self.first: date | None = None
        self._previous: date | None = None

    def see(self, numbers: tuple[int, int, int]) -> None:
        day = _date(numbers, self.order)
        impossible, backward = self.faults
        if day is None:
            self.faults = (impossible + 1, backward)
            return
        if self._previous and day < self._previous:
            self.faults = (impossible, backward + 1)
        self.first = self.first or day
        self._previous = day

    def span(self) -> int:
        return abs((self._previous - self.first).days) if self._previous and self.first else 0


@lru_cache(maxsize=4096)  # a chat has many messages a day
def _date(numbers: tuple[int, int, int], order: Order) -> date | None:
    year, month, day = (numbers[place] for place in order)
    year += 2000 if year < 100 else 0
    try:
        return date(year, month, day) if year >= _FIRST_YEAR else None
    except ValueError:
        return None
