"""ISO 8601 times, with or without a fraction or zone, to Unix seconds. Knows no others."""

from datetime import UTC, datetime

from training.store.post import END_OF_DATES, FIRST_SECOND

_DATE_DIGITS = 8
"""Digits of a date without hyphens, 20240115. Other digits alone are a count of some unit of time."""


def showable(seconds: float) -> float | None:
    """Return Unix seconds, or None for what no date of the years 1 to 9999 shows, such as "inf" and "nan"."""
    return seconds if FIRST_SECOND <= seconds < END_OF_DATES else None


def seconds(text: object) -> float | None:
    """Return Unix seconds, reading a time without a zone as UTC; None for anything else."""
    written = text.strip() if isinstance(text, str) else ""
    return None if written.isdecimal() and len(written) != _DATE_DIGITS else former_seconds(text)


def former_seconds(text: object) -> float | None:
    """Return Unix seconds as versions before did: milliseconds of 13 digits were a day in 1612, and a clock."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        return showable((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
