"""Records from the fields of people's own tables and JSON lines. Knows no file format."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import PurePath

from training.exports.common import iso_time, local_time, message_text
from training.exports.common.record import DATE, OWNER, ChatNames, Former, Record, channel_hash
from training.exports.generic.column_names import Fields
from training.exports.generic.columns import Columns, find_columns, is_mine, is_ruined
from training.exports.generic.survey import ColumnSurvey
from training.store.post import END_OF_DATES

_FIRST_MILLISECOND = 1e11
_NAME_KEYS = ("username", "print_name", "name", "display_name", "first_name", "id")
"""Keys of an object in place of a sender's name, the most telling first."""


class RecordMaker:
    """Makes Records of one file's fields: `text`, `id`, `author`, `channel`, `time`, `reply_to`, all optional.

    Ids are unique within their channel, which is the file's where a record names none. In a file that says nowhere who wrote,
    the owner did. `survey` tells by which other keys author and time are recognized (columns.py); all keys are plain.
    """

    def __init__(self, survey: ColumnSurvey, platform: str, label: str) -> None:
        self._columns: Columns = find_columns(survey, label)
        self._platform, self._label = platform, label
        self._month_first, self._formerly_month_first = survey.month_first, survey.formerly_month_first
        self._file_chat = chat_of_file(platform, label, platform)
        self._file_channel = channel_of_file(platform, label)

    def broken(self, note: str) -> Record:
        """Build the Record of what is not of the format's form."""
        channel, chat = self._file_channel, self._file_chat
        return Record("", self._platform, (), channel, None, "", None, None, "broken", note, None, chat)

    def record(self, fields: Fields) -> Record:
        """Build a Record. Raises DannError for a value that says neither mine nor others'."""
        get = fields.get
        text = get("text")
        text = message_text.clean(text) if isinstance(text, str) else ""
        reason = message_text.reason_to_drop(text)
        channel_name = _string(get("channel"))
        channel = _channel(self._platform, channel_name) if channel_name else self._file_channel
        message_id, replied_to = _string(get("id")), _string(get("reply_to"))
        author, names = self._author(fields)
        time, dated = self._time(fields)
        ruined = message_id if is_ruined(message_id) else ""
        if ruined:
            message_id = ""
        former = None if message_id else self._former(fields, text, time, ruined)
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
            chat=_chat(channel, channel_name) if channel_name else self._file_chat,
        )

    def _former(self, fields: Fields, text: str, time: float | None, ruined_id: str) -> Former | None:
        first = later = _former_seconds(fields.get("time"))
        if first == time and not ruined_id:
            return None
        if first is None:
            later, _ = self._local_time(fields, local_time.former_seconds, month_first=self._formerly_month_first)
        channel = _former_channel(self._platform, _string(fields.get("channel")))
        return Former(text, first, (f"{channel}:{ruined_id}",) if ruined_id else (), () if later == first else (later,))

    def _author(self, fields: Fields) -> tuple[str, tuple[str, ...]]:
        columns = self._columns
        value = fields.get(columns.sender) if columns.sender else None
        is_named = columns.yields and bool(_string(value))
        if columns.flag and not is_named and is_mine(fields.get(columns.flag), columns.flag, self._label):
            return OWNER, ()
        if isinstance(value, Mapping):
            names = tuple(name for key in _NAME_KEYS if (name := _string(value.get(key))))
            return (_string(value.get("id")) or next(iter(names), self._platform)), names
        name = _string(value)
        return name or (self._platform if columns.names_people else OWNER), ()

    def _time(self, fields: Fields) -> tuple[float | None, bool]:
        """Return the time and whether there is any that could be one."""
        value = fields.get("time")
        if value not in (None, ""):
            time = local_time.seconds(value, month_first=self._month_first)
            time = _number(value) if time is None else time
            if time is not None:
                return time, True
        time, dated = self._local_time(fields, local_time.seconds, month_first=self._month_first)
        return time, dated or value not in (None, "")

    def _local_time(
        self, fields: Fields, seconds: Callable[..., float | None], *, month_first: bool
    ) -> tuple[float | None, bool]:
        values = [value for key in self._columns.times if (value := fields.get(key)) not in (None, "", 0)]
        date, clock = fields.get("date"), fields.get("time")
        if isinstance(date, str) and isinstance(clock, str):
            values.insert(0, f"{date} {clock}")
        for value in values:
            time = seconds(value, month_first=month_first)
            if time is not None:
                return time, True
        return None, bool(values)


def chat_of_file(platform: str, label: str, former_channel: str) -> ChatNames:
    """Return the chat that a file is where it names none."""
    name = PurePath(label).name
    names = (name, PurePath(name).stem)
    return ChatNames(f"{platform}:file:{channel_hash(name)}", names, by_file=True, former_channel=former_channel)


def channel_of_file(former_channel: str, label: str) -> str:
    """Return the channel that a file is where it names none: one within that in which versions before kept all files."""
    return f"{former_channel}:file:{channel_hash(PurePath(label).name)}"


@lru_cache(maxsize=1024)
def _chat(channel: str, name: str) -> ChatNames:
    return ChatNames(channel, (name,))


@lru_cache(maxsize=1024)
def _channel(platform: str, name: str) -> str:
    return f"{platform}:{channel_hash(name)}"


def _former_channel(platform: str, name: str) -> str:
    return _channel(platform, name) if name else platform


def _former_seconds(value: object) -> float | None:
    """Return the time in Unix seconds as 0eb29d7 read it."""
    time = iso_time.former_seconds(value)
    return _number(value) if time is None else time


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    number = number / 1000 if abs(number) >= _FIRST_MILLISECOND else number
    return number if abs(number) < END_OF_DATES else None


def _string(value: object) -> str:
    return "" if value is None else message_text.clean(value if isinstance(value, str) else str(value))
