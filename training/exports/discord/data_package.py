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
from training.exports.common.record import OWNER, ExportReader, Record, channel_hash
from training.exports.discord import markup

_COLUMNS = ["id", "timestamp", "contents", "attachments"]
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")
_KEYS = (rb'"ID"\s*:\s*"?\d', rb'"Timestamp"\s*:\s*"', rb'"Contents"\s*:')


def read(file: ExportFile) -> Iterator[Record]:
    """Yield a channel's messages, newest first. Raises DannError for a file that breaks off."""
    channel = _channel(file)
    if _LIST.match(file.head()):
        for item in json_stream.items(file, "item"):
            if isinstance(item, dict):
                yield _record({key.lower(): value for key, value in item.items()}, channel)
            else:
                yield _broken(channel, "something that is no message")
    else:
        for row in strict_rows(file, _COLUMNS):
            if isinstance(row, BrokenRow):
                yield _broken(channel, f"line {row.line}")
            else:
                yield _record(row, channel)


def _broken(channel: str, note: str) -> Record:
    return Record("", OWNER, (), channel, None, "", dropped="broken", note=note)


def _record(message: dict[str, Any], channel: str) -> Record:
    contents = message.get("contents") or ""
    if not isinstance(contents, str):
        return _broken(channel, "something that is no message")
    message_id = str(message.get("id") or "")
    text = message_text.clean(markup.render(contents))
    reason = message_text.reason_to_drop(text, has_attachments=bool(message.get("attachments")))
    return Record(
        id=f"discord:{message_id}" if message_id.isdecimal() else "",  # a spreadsheet turned it into 9.0E+17
        author=OWNER,
        names=(),
        channel=channel,
        time=iso_time.seconds(message.get("timestamp")),
        text="" if reason else text,
        dropped=reason,
    )


def _channel(file: ExportFile) -> str:
    """Return the id in channel.json or the folder's name, hashed if it is not a number."""
    channel_id = ""
    if channel_file := file.sibling("channel.json"):
        with suppress(DannError):  # the folder's name has the id too
            channel_id = str(next(json_stream.items(channel_file, "id"), ""))
    folder = PurePath(file.path).parent.name or PurePath(file.label).parent.name
    digits = re.fullmatch(r"c?(\d+)", channel_id or folder, re.ASCII)
    return "discord:" + (digits[1] if digits else channel_hash(folder))


def claims(head: bytes) -> bool:
    """Claim CSV with the package's four columns, or a JSON array of objects with its keys."""
    if _LIST.match(head):
        return all(re.search(key, head) for key in _KEYS)
    return first_rows(head)[:1] == [_COLUMNS]


READER = ExportReader("discord-package", claims, read)
