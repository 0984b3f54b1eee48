"""Reader for Discord's data package: a `messages.csv` or (newer) `.json` per channel.

It holds only its owner's messages: no replies and no messages of others.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePath
from typing import Any

from model.errors import DannError
from training.exports.common import iso_time, json_stream, message_text
from training.exports.common.csv_rows import BrokenRow, first_rows, strict_rows
from training.exports.common.files import ExportFile
from training.exports.common.record import OWNER, ChatNames, ExportReader, Former, Record, channel_hash
from training.exports.discord import markup
from training.exports.discord.channel_names import channel_names, names_in_index

_COLUMNS = ["id", "timestamp", "contents", "attachments"]
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")
_KEYS = (rb'"ID"\s*:\s*"?\d', rb'"Timestamp"\s*:\s*"', rb'"Contents"\s*:')


def read(file: ExportFile) -> Iterator[Record]:
    """Yield a channel's messages, newest first. Raises DannError for a file that breaks off."""
    chat = _chat(file)
    if _LIST.match(file.head()):
        for item in json_stream.items(file, "item"):
            if isinstance(item, dict):
                yield _record({key.lower(): value for key, value in item.items()}, chat)
            else:
                yield _broken(chat, "something that is no message")
    else:
        for row in strict_rows(file, _COLUMNS):
            if isinstance(row, BrokenRow):
                yield _broken(chat, f"line {row.line}")
            else:
                yield _record(row, chat)


def _broken(chat: ChatNames, note: str) -> Record:
    return Record("", OWNER, (), chat.id, None, "", None, None, "broken", note, None, chat)


def _record(message: dict[str, Any], chat: ChatNames) -> Record:
    contents = message.get("contents") or ""
    if not isinstance(contents, str):
        return _broken(chat, "something that is no message")
    message_id, time = str(message.get("id") or ""), iso_time.seconds(message.get("timestamp"))
    written = message_text.clean(markup.render(contents))
    text = message_text.clean(markup.without_quote(written))
    reason = message_text.reason_to_drop(text, has_attachments=bool(message.get("attachments")))
    reason = "quote" if written and not text else reason
    return Record(
        id=f"discord:{message_id}" if message_id.isdecimal() else "",  # a spreadsheet turned it into 9.0E+17
        author=OWNER,
        names=(),
        channel=chat.id,
        time=time,
        text="" if reason else text,
        dropped=reason,
        former=Former(written, time) if written != text else None,
        chat=chat,
    )


def _chat(file: ExportFile) -> ChatNames:
    """Return the channel by the id in channel.json or in the folder's name, hashed if that is no number, and its names."""
    about = dict.fromkeys(("id", "name", "guild.name"), "")
    if channel_file := file.sibling("channel.json"):
        with suppress(DannError):  # the folder's name has the id too
            for path, event, value in json_stream.events(channel_file):
                if path in about and event in ("string", "number"):
                    about[path] = str(value)
    folder = PurePath(file.path).parent.name or PurePath(file.label).parent.name
    digits = re.fullmatch(r"c?(\d+)", about["id"] or folder, re.ASCII)
    names = channel_names(about["guild.name"], about["name"])
    if digits and not about["guild.name"]:
        names = tuple(dict.fromkeys((*names_in_index(file, digits[1]), *names)))
    return ChatNames("discord:" + (digits[1] if digits else channel_hash(folder)), names)


def claims(head: bytes) -> bool:
    """Claim CSV with the package's four columns, or a JSON array of objects with its keys."""
    if _LIST.match(head):
        return all(re.search(key, head) for key in _KEYS)
    return first_rows(head)[:1] == [_COLUMNS]


READER = ExportReader("discord-package", claims, read)
