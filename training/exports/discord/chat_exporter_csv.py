"""Reader for DiscordChatExporter's CSV, which has no message ids, replies or bot flag.

The file is read twice, first for people's names, because the text mentions people by name.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePath

from training.exports.common import iso_time, message_text
from training.exports.common.csv_rows import first_rows, rows
from training.exports.common.files import ExportFile
from training.exports.common.record import Reason, Record, channel_hash
from training.exports.discord import markup

_COLUMNS = ["authorid", "author", "date", "content"]
_NOBODY = "discord"
_DISCRIMINATOR = re.compile(r"#\d{4}\Z", re.ASCII)
_NOTICE = re.compile(
    r"Pinned a message\.|Joined the server\.|Started a thread\.|Left the group\."
    r"|Changed the channel (?:icon|name(?:: .*)?)\.?|(?:Added .+ to|Removed .+ from) the group\."
    r"|Started a call that lasted \S+ minutes?\."
)
"""The exporter's own text, always in English, for Discord's notices."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield a channel's messages, in file order. Raises DannError for a file that breaks off."""
    people = {name.casefold() for row in rows(file, _COLUMNS) for name in _names(row["author"])}
    channel = f"discord:{channel_hash(PurePath(file.label).name)}"  # the file is named after the channel
    for row in rows(file, _COLUMNS):
        text = markup.render(row["content"])
        text = message_text.clean(markup.hide_names(text, people))
        reason: Reason | None = "service" if _NOTICE.fullmatch(text) else None
        reason = reason or message_text.reason_to_drop(text, has_attachments=bool(row.get("attachments")))
        names = _names(row["author"])
        author = row["authorid"] or next(iter(names), _NOBODY)
        yield Record("", author, names, channel, _seconds(row["date"]), "" if reason else text, dropped=reason)


def _names(author: str) -> tuple[str, ...]:
    """Return an author's name as written ("fox#0042") and as in a mention ("fox")."""
    return tuple(dict.fromkeys(name for name in (author, _DISCRIMINATOR.sub("", author)) if name))


def _seconds(date: str) -> float | None:
    time = iso_time.seconds(date)
    if time is not None:
        return time
    try:
        return datetime.strptime(date, "%d-%b-%y %I:%M %p").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def claims(head: bytes) -> bool:
    """Claim a table that begins with the exporter's columns."""
    header = next(iter(first_rows(head)), [])
    return header[: len(_COLUMNS)] == _COLUMNS
