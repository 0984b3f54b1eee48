"""Discord's own data package: one folder a channel with `messages.csv` (older) or `messages.json` (newer) in it.

Everything in it was posted by whose package it is. There are no replies, and nothing of what others said.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from model.errors import DannError
from training.exports.common import iso_time, json_stream, message_text
from training.exports.common.csv_rows import first_rows, rows
from training.exports.common.files import ExportFile
from training.exports.common.record import OWNER, ExportReader, Record
from training.exports.discord import markup

_COLUMNS = ["id", "timestamp", "contents", "attachments"]
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")
_KEYS = (rb'"ID"\s*:\s*"?\d', rb'"Timestamp"\s*:\s*"', rb'"Contents"\s*:')


def read(file: ExportFile) -> Iterator[Record]:
    """Yield a channel's messages, newest first as they lie there. Raises DannError for a file that breaks off."""
    with file.open() as stream:
        is_list = _LIST.match(stream.read(4096))
    channel = _channel(file)
    if is_list:
        for item in json_stream.items(file, "item"):
            if isinstance(item, dict):
                yield _record({key.lower(): value for key, value in item.items()}, channel)
    else:
        for row in rows(file, _COLUMNS):
            yield _record(row, channel)


def _record(message: dict[str, Any], channel: str) -> Record:
    number = str(message.get("id") or "")
    text = message_text.clean(markup.plain(str(message.get("contents") or "")))
    reason = message_text.reason_to_drop(text, has_attachments=bool(message.get("attachments")))
    return Record(
        id=f"discord:{number}" if number.isdecimal() else "",  # a spreadsheet has made 9.0E+17 of it
        author=OWNER,
        names=(),
        channel=channel,
        time=iso_time.seconds(message.get("timestamp")),
        text="" if reason else text,
        dropped=reason,
    )


def _channel(file: ExportFile) -> str:
    """Return the channel's id from channel.json, or else from the folder's name, hashed if it is not a number."""
    beside = file.sibling("channel.json")
    number = _id_in(beside) if beside else ""
    folder = PurePath(file.path).parent.name or PurePath(file.label).parent.name
    found = re.fullmatch(r"c?(\d+)", number or folder, re.ASCII)
    return "discord:" + (found[1] if found else hashlib.sha256(folder.encode("utf-8", "replace")).hexdigest()[:12])


def _id_in(channel: ExportFile) -> str:
    try:
        return str(next(json_stream.items(channel, "id"), ""))
    except DannError:  # the folder's name says the same
        return ""


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim a table with the package's four columns, or a list of objects with its keys."""
    if _LIST.match(head):
        return all(re.search(key, head) for key in _KEYS)
    return first_rows(head)[:1] == [_COLUMNS]


READER = ExportReader("discord-package", claims, read)
