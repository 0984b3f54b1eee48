"""WhatsApp's timestamps, and the order of day, month, year in them. Knows no text.

The timestamp is in the phone's locale, which the file does not name: 03/04/20 is April in Rome and March in Boston, so the
order is detected from all dates of a file.
"""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache

DIRECTION_MARKS = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
"""Invisible direction marks, as the inside of a character class."""

_TIMESTAMP = re.compile(
    rf"^[{DIRECTION_MARKS}]*(?P<bracket>\[)?[{DIRECTION_MARKS}]*"
    r"(?P<a>\d{1,4})[./-][ ]?(?P<b>\d{1,2})[./-][ ]?(?P<c>\d{1,4})\.?[,،]?\s+(?:klo |kl\. )?"
    rf"[{DIRECTION_MARKS}]*(?P<before>上午|下午|오전|오후|午前|午後)?\s?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
    r"(?:\s?(?P<after>[ap]\.?\s?m\.?|[صم]|ö[ös]|π\.μ\.|μ\.μ\.))?"
    r"(?(bracket)\]|\s[-–])(?:\s(?P<rest>.*)|$)$",
    re.IGNORECASE,
)
_AFTERNOON = {"下午", "오후", "午後", "م", "ös", "μ.μ."}
_FIRST_YEAR = 2009  # of WhatsApp; a smaller number is no year

Order = tuple[int, int, int]
"""The positions of year, month and day among the three numbers of a date."""

DAY_FIRST: Order = (2, 1, 0)
MONTH_FIRST: Order = (2, 0, 1)
YEAR_FIRST: Order = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A message's first line: a date's numbers in unknown order, a time, and the rest."""

    numbers: tuple[int, int, int]
    clock: time
    rest: str

    def seconds(self, order: Order) -> float | None:
        """Return Unix seconds, reading local time as UTC, or None if the date is invalid."""
        day = _date(self.numbers, order)
        return datetime.combine(day, self.clock, UTC).timestamp() if day else None


def parse_timestamp(line: str) -> Timestamp | None:
    """Parse the timestamp at a line's start, or return None for a line that continues a message."""
    match = _TIMESTAMP.match(line)
    if not match:
        return None
    hour = int(match["hour"])
    half = (match["before"] or match["after"] or "").lower()
    if half and hour <= 12:  # some phones write 00:08 a. m., so 0 counts as 12
        hour = hour % 12 + (12 if half in _AFTERNOON or half.startswith("p") else 0)
    try:
        clock = time(hour, int(match["minute"]), int(match["second"] or 0))
    except ValueError:
        return None
    return Timestamp((int(match["a"]), int(match["b"]), int(match["c"])), clock, match["rest"] or "")


class DateOrderDetector:
    """Collects the dates of one file, then chooses the order that fits them best."""

    def __init__(self) -> None:
        self._readings = [_Reading(order) for order in (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)]
        self._last: tuple[int, int, int] | None = None

    def add(self, numbers: tuple[int, int, int]) -> None:
        """Add the date of the next message."""
        if numbers != self._last:
            self._last = numbers
            for reading in self._readings:
                reading.add(numbers)

    def detect(self, label: str) -> Order:
        """Return the order with fewest invalid dates, then fewest steps back, else day first."""
        best = min(reading.faults for reading in self._readings)
        tied = [reading for reading in self._readings if reading.faults == best]
        if tied[-1].order == YEAR_FIRST and len(tied) > 1:
            # 20-01-15, 20-01-16 spans two days or a year: the shorter span is the likelier.
            return min(tied, key=_Reading.span).order
        if len(tied) > 1 and tied[0].first != tied[1].first:
            logging.getLogger("dann").warning(
                "%s: its dates could be day/month or month/day, and no date decides which; read as day/month", label
            )
        return tied[0].order


class _Reading:
    """The dates so far, read in one order: its faults, the first day and the last."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.faults = (0, 0)
        self.first: date | None = None
        self._previous: date | None = None

    def add(self, numbers: tuple[int, int, int]) -> None:
        day = _date(numbers, self.order)
        invalid, backward = self.faults
        if day is None:
            self.faults = (invalid + 1, backward)
            return
        if self._previous and day < self._previous:
            self.faults = (invalid, backward + 1)
        self.first = self.first or day
        self._previous = day

    def span(self) -> int:
        return abs((self._previous - self.first).days) if self._previous and self.first else 0


@lru_cache(maxsize=4096)  # a chat has many messages a day
def _date(numbers: tuple[int, int, int], order: Order) -> date | None:
    year, month, day = (numbers[position] for position in order)
    year += 2000 if year < 100 else 0
    try:
        return date(year, month, day) if year >= _FIRST_YEAR else None
    except ValueError:
        return None
