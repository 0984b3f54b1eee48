"""Records from the fields of people's own tables and JSON lines. Knows no file format."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath

from training.exports.common import iso_time, local_time, message_text
from training.exports.common.record import DATE, OWNER, ChatNames, Former, Record, channel_hash
from training.exports.generic.columns import Columns, Fields, find_columns, is_mine, is_ruined

_FIRST_MILLISECOND = 1e11
_LAST_SECOND = 253_402_300_799
_NAME_KEYS = ("username", "print_name", "name", "display_name", "first_name", "id")
"""Keys of an object in place of a sender's name, the most telling first."""


class RecordMaker:
    """Makes Records of one file's fields: `text`, `id`, `author`, `channel`, `time`, `reply_to`, all optional.

    Ids are unique within their channel. In a file that says nowhere who wrote, and for an empty `author`, the owner did.
    `samples` are its first records, by which other keys of author and time are recognized (columns.py); all keys are plain.
    """

    def __init__(self, samples: Sequence[Fields], platform: str, label: str, *, month_first: bool = False) -> None:
        self._columns: Columns = find_columns(samples, label)
        self._platform, self._label, self._month_first = platform, label, month_first
        self.file_chat = chat_of_file(platform, label)

    def record(self, fields: Fields) -> Record:
        """Build a Record. Raises DannError for a value that says neither mine nor others'."""
        get = fields.get
        text = get("text")
        text = message_text.clean(text) if isinstance(text, str) else ""
        reason = message_text.reason_to_drop(text)
        channel_name = _string(get("channel"))
        channel = _channel(self._platform, channel_name)
        message_id, replied_to = _string(get("id")), _string(get("reply_to"))
        author, names = self._author(fields)
        former_time = _former_seconds(get("time"))
        time, dated = former_time, get("time") not in (None, "")
        if time is None:
            time, dated = self._time(fields)
        former = None
        if message_id and is_ruined(message_id):
            former, message_id = Former(text, time, (f"{channel}:{message_id}",)), ""
        elif time != former_time and not message_id:
            former = Former(text, former_time)
        return Record(
            id=f"{channel}:{message_id}" if message_id else "",
            author=author,
            names=names,
            channel=channel,
            time=time,
            text="" if reason else text,
            reply_to=f"{channel}:{replied_to}" if replied_to else None,
            dropped=reason,
            note=DATE if dated and time is None and not reason else "",
            former=former,
            chat=_chat(channel, channel_name) if channel_name else self.file_chat,
        )

    def _author(self, fields: Fields) -> tuple[str, tuple[str, ...]]:
        columns = self._columns
        if columns.flag and is_mine(fields.get(columns.flag), columns.flag, self._label):
            return OWNER, ()
        value = fields.get(columns.sender) if columns.sender else None
        if isinstance(value, Mapping):
            names = tuple(name for key in _NAME_KEYS if (name := _string(value.get(key))))
            return (_string(value.get("id")) or next(iter(names), self._platform)), names
        name = _string(value)
        return name or (self._platform if columns.names_people else OWNER), ()

    def _time(self, fields: Fields) -> tuple[float | None, bool]:
        """Return the time and whether there is any that could be one."""
        values = [value for key in self._columns.times if (value := fields.get(key)) not in (None, "", 0)]
        date, clock = fields.get("date"), fields.get("time")
        if isinstance(date, str) and isinstance(clock, str):
            values.insert(0, f"{date} {clock}")
        for value in values:
            time = local_time.seconds(value, month_first=self._month_first)
            if time is not None:
                return time, True
        return None, bool(values)


def _string(value: object) -> str:
    return "" if value is None else message_text.clean(value if isinstance(value, str) else str(value))


def chat_of_file(platform: str, label: str) -> ChatNames:
    """Return the chat that a file is where it names none."""
    name = PurePath(label).name
    return ChatNames(f"{platform}:file:{channel_hash(name)}", (name, PurePath(name).stem))


@lru_cache(maxsize=1024)
def _chat(channel: str, name: str) -> ChatNames:
    return ChatNames(channel, (name,))


@lru_cache(maxsize=1024)
def _channel(platform: str, name: str) -> str:
    return f"{platform}:{channel_hash(name)}" if name else platform


def _former_seconds(value: object) -> float | None:
    """Return the time in Unix seconds as 0eb29d7 read it."""
    if (time := iso_time.seconds(value)) is not None:
        return time
    try:
        number = float(str(value))
    except ValueError:
        return None
    number = number / 1000 if abs(number) >= _FIRST_MILLISECOND else number
    return number if abs(number) <= _LAST_SECOND else None
