"""Times as exporters write them, to Unix seconds. Knows no format's keys."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

_MILLISECONDS = 1e11
"""A Unix time above this is in milliseconds: in seconds it would be the year 5138."""


def _parse(text: str, *, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)


_FRACTION = re.compile(r"(\.\d{6})\d+")
_OLD = tuple(partial(_parse, form=form) for form in ("%d-%b-%y %I:%M %p", "%m/%d/%Y %I:%M %p"))
"""How DiscordChatExporter wrote dates before ISO 8601."""


def unix_seconds(value: object) -> float | None:
    """Read ISO 8601 (UTC where no zone is given), Unix seconds or milliseconds; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_number(float(value))
    text = str(value).strip()
    try:
        return _from_number(float(text))
    except ValueError:
        return _from_iso(text.removesuffix(" UTC"))


def _from_number(number: float) -> float | None:
    seconds = number / 1000 if abs(number) > _MILLISECONDS else number
    return seconds if abs(seconds) < _MILLISECONDS else None  # also refuses infinity and NaN


def _from_iso(text: str) -> float | None:
    readers: tuple[Callable[[str], datetime], ...] = (datetime.fromisoformat, *_OLD)
    for read in readers:
        try:
            found = read(_FRACTION.sub(r"\1", text))
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
