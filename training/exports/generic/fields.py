"""A record from the fields that people's own tables and JSON lines have. Knows not how those are written down."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from training.exports.common import iso_time, message_text
from training.exports.common.record import OWNER, Record

_FIRST_MILLISECOND = 1e11
"""Read as seconds it is the year 5138, read as milliseconds 1973."""
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


def record(fields: Mapping[str, object], platform: str) -> Record:
    """Make a record of `text`, `id`, `author`, `channel`, `time` and `reply_to`; all may be missing.

    Ids hold within their channel. Without an author it is the owner's. Times are ISO 8601, Unix seconds or Unix
    milliseconds, and None if they are anything else.
    """
    get = fields.get
    text = get("text")
    text = message_text.clean(text) if isinstance(text, str) else ""
    reason = message_text.reason_to_drop(text)
    place = _place(platform, _string(get("channel")))
    number, answered = _string(get("id")), _string(get("reply_to"))
    return Record(
        id=f"{place}:{number}" if number else "",
        author=_string(get("author")) or OWNER,
        names=(),
        channel=place,
        time=_seconds(get("time")),
        text="" if reason else text,
        reply_to=f"{place}:{answered}" if answered else None,
        dropped=reason,
    )


def _string(value: object) -> str:
    return "" if value is None else message_text.clean(value if isinstance(value, str) else str(value))


@lru_cache(maxsize=1024)
def _place(platform: str, channel: str) -> str:
    """Hash a channel's name, which may be a person's."""
    return f"{platform}:{hashlib.sha256(channel.encode()).hexdigest()[:12]}" if channel else platform


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        time = iso_time.seconds(value)
        if time is not None:
            return time
    try:
        number = float(str(value))
    except ValueError:
        return None
    number = number / 1000 if abs(number) >= _FIRST_MILLISECOND else number
    return number if abs(number) <= _LAST_SECOND else None
