"""Records from the fields of people's own tables and JSON lines. Knows no file format."""

from collections.abc import Mapping
from functools import lru_cache

from training.exports.common import iso_time, message_text
from training.exports.common.record import OWNER, Record, channel_hash

_FIRST_MILLISECOND = 1e11
"""As seconds this is the year 5138, as milliseconds 1973."""
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


def record(fields: Mapping[str, object], platform: str) -> Record:
    """Build a Record from `text`, `id`, `author`, `channel`, `time`, `reply_to`, all optional.

    Ids are unique within their channel. A record without an author is the owner's. Times are ISO 8601, Unix seconds or
    Unix milliseconds; anything else gives None.
    """
    get = fields.get
    text = get("text")
    text = message_text.clean(text) if isinstance(text, str) else ""
    reason = message_text.reason_to_drop(text)
    channel = _channel(platform, _string(get("channel")))
    message_id, replied_to = _string(get("id")), _string(get("reply_to"))
    return Record(
        id=f"{channel}:{message_id}" if message_id else "",
        author=_string(get("author")) or OWNER,
        names=(),
        channel=channel,
        time=_seconds(get("time")),
        text="" if reason else text,
        reply_to=f"{channel}:{replied_to}" if replied_to else None,
        dropped=reason,
    )


def _string(value: object) -> str:
    return "" if value is None else message_text.clean(value if isinstance(value, str) else str(value))


@lru_cache(maxsize=1024)
def _channel(platform: str, name: str) -> str:
    return f"{platform}:{channel_hash(name)}" if name else platform


def _seconds(value: object) -> float | None:
    if (time := iso_time.seconds(value)) is not None:
        return time
    try:
        number = float(str(value))
    except ValueError:
        return None
    number = number / 1000 if abs(number) >= _FIRST_MILLISECOND else number
    return number if abs(number) <= _LAST_SECOND else None
