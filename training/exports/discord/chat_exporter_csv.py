"""Reader for DiscordChatExporter's CSV, which has no message ids, replies or bot flag.

The file is read twice, first for people's names, because the text mentions people by name.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePath

from training.exports.common import iso_time, local_time, message_text
from training.exports.common.csv_rows import BrokenRow, first_rows, strict_rows
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile
from training.exports.common.record import DATE, Former, Reason, Record, channel_hash
from training.exports.discord import markup
from training.exports.discord.channel_names import chat_of_file

_COLUMNS = ["author", "date", "content", "attachments"]
_ID = "authorid"
"""A column that versions before 2019 lack."""
_DELIMITERS = (",", ";")
_NOBODY = "discord"
_DISCRIMINATOR = re.compile(r"#\d{4}\Z", re.ASCII)
_SLASHES = re.compile(r"[\",;]\d{1,2}/\d{1,2}/\d{2,4}")
_NOTICE = re.compile(
    r"(?:Pinned a message|Joined the server|Left the server|Started a (?:thread|call)|Created a thread|Sent a notification"
    r"|(?:Added|Removed) a recipient|(?:Joined|Left) the (?:group|thread)|Boosted the server.{0,60}"
    r"|(?:Added|Removed) .+ (?:to|from) the (?:group|thread)|Started a call that lasted \S+ minutes?)\."
    r"|Changed the channel (?:icon|name(?:: .*)?)\.?"
)
"""The exporter's own text, always in English, for Discord's notices."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield a channel's messages, in file order. Raises DannError for a file that breaks off."""
    delimiter = _delimiter(file.head()) or ","
    authors: dict[str, str] = {}  # by id, "" for several: a spreadsheet has rounded the ids
    people: set[str] = set()
    order, formerly = local_time.MonthVotes(), local_time.MonthVotes("/")
    for row in _whole_rows(file, delimiter):
        id_, author = row.get(_ID, ""), row["author"]
        people.update(name.casefold() for name in _names(author))
        if authors.setdefault(id_, author) != author:
            authors[id_] = ""
        order.add(row["date"])
        formerly.add(row["date"])
    ruined = {id_ for id_, author in authors.items() if not author or not id_.isdecimal()}
    had_slashes = _SLASHES.search(decode_head(file.head())) is not None
    month_first, formerly_month_first = order.month_first, had_slashes and formerly.month_first
    path = PurePath(file.label)
    channel = f"discord:{channel_hash(path.name)}"  # the file is named after the channel
    chat = chat_of_file(path, channel)
    for found in strict_rows(file, _COLUMNS, delimiter):
        if isinstance(found, BrokenRow):
            yield Record("", _NOBODY, (), channel, None, "", None, None, "broken", f"line {found.line}", None, chat)
            continue
        row = found
        content = markup.render(row["content"])
        written = message_text.clean(markup.hide_names(content, people))
        text = message_text.clean(markup.without_quote(written))
        reason: Reason | None = "service" if _NOTICE.fullmatch(written) else None
        reason = reason or ("quote" if written and not text else None)
        reason = reason or message_text.reason_to_drop(text, has_attachments=bool(row.get("attachments")))
        names = _names(row["author"])
        id_ = row.get(_ID, "")
        author = next(iter(names), _NOBODY) if id_ in ruined else id_ or next(iter(names), _NOBODY)
        time, former_time = local_time.seconds(row["date"], month_first=month_first), _former_seconds(row["date"])
        later_time = former_time
        if former_time is None:
            later_time = local_time.former_seconds(row["date"], month_first=formerly_month_first)
        known_text = written
        if "@" in content:
            known_text = message_text.clean(markup.hide_names(content, people, only_known=True))
        former = None
        if (known_text, former_time, later_time) != (text, time, time):
            former = Former(known_text, former_time, times=(later_time,))
        note = DATE if time is None and row["date"] and not reason else ""
        text = "" if reason else text
        yield Record("", author, names, channel, time, text, None, None, reason, note, former, chat)


def _whole_rows(file: ExportFile, delimiter: str) -> Iterator[dict[str, str]]:
    return (row for row in strict_rows(file, _COLUMNS, delimiter) if not isinstance(row, BrokenRow))


def _names(author: str) -> tuple[str, ...]:
    """Return an author's name as written ("fox#0042") and as in a mention ("fox")."""
    return tuple(dict.fromkeys(name for name in (author, _DISCRIMINATOR.sub("", author)) if name))


def _former_seconds(date: str) -> float | None:
    """Return the time as 0eb29d7 read it."""
    time = iso_time.former_seconds(date)
    if time is not None:
        return time
    try:
        return datetime.strptime(date, "%d-%b-%y %I:%M %p").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _delimiter(head: bytes) -> str | None:
    """Return what stands between the columns, or None if they are not the exporter's."""
    for delimiter in _DELIMITERS:
        header = next(iter(first_rows(head, delimiter, _COLUMNS)), [])
        if header[: len(_COLUMNS)] == _COLUMNS or header[: len(_COLUMNS) + 1] == [_ID, *_COLUMNS]:
            return delimiter
        if header[:4] == [_ID, *_COLUMNS[:3]]:
            return delimiter
    return None


def claims(head: bytes) -> bool:
    """Claim a table that begins with the exporter's columns."""
    return _delimiter(head) is not None
