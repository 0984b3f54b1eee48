"""DiscordChatExporter's CSV: who, when and what, but no message ids, no replies and no types."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from training.exports import discord_markup, tabular, words
from training.exports.files import ExportFile
from training.exports.record import Reader, Record
from training.exports.timestamps import unix_seconds

_COLUMNS = ["authorid", "author", "date", "content", "attachments"]
_NOTICE = re.compile(
    r"(?:Pinned a message|Joined the server|Started a thread|Left the group|Changed the channel icon)\."
    r"|Changed the channel name(?:: .*|\.)|(?:Added|Removed) .+ (?:to|from) the group\."
    r"|Started a call that lasted .+\."
)
"""What the exporter itself writes for a message that is a notice; the type that would tell is not in the CSV."""
_MOST_NAMES = 2000
"""Names looked for in mentions: more would make the search slow, and a channel with so many people is no conversation."""


def _claims(_file: ExportFile, head: bytes) -> bool:
    return tabular.header(head)[0][: len(_COLUMNS)] == _COLUMNS


def _read(file: ExportFile) -> Iterator[Record]:
    channel = f"discord-csv:{hashlib.sha256(PurePosixPath(file.path).name.encode()).hexdigest()[:12]}"
    names = _names(file)
    for row in tabular.rows(file):
        text = words.clean(discord_markup.plain(discord_markup.without_names(row["content"], names)))
        name = row["author"]
        is_notice = _NOTICE.fullmatch(text) is not None
        yield Record(
            id="",
            author=row["authorid"] or "discord",
            names=(name, name.partition("#")[0]),
            channel=channel,
            time=unix_seconds(row["date"]),
            text=text,
            dropped="service" if is_notice else words.reason_to_drop(text, has_attachments=bool(row["attachments"])),
        )


def _names(file: ExportFile) -> set[str]:
    """Return who wrote in the file, since mentions are written out by name."""
    names: set[str] = set()
    for row in tabular.rows(file):
        if len(names) < _MOST_NAMES and row["author"]:
            names.add(row["author"].partition("#")[0])
    return names


READER = Reader("discord-chat-exporter-csv", _claims, _read)
