"""Discord's own data package: everything one person wrote, nothing of anybody else's, no replies.

`messages/c123/messages.csv` in older packages, `Messages/c123/messages.json` in newer ones, with the same four columns.
The folders' names vary in case and language; a channel's id is in the `channel.json` beside, or else in the folder's name.
"""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from training.exports import discord_markup, json_stream, tabular, words
from training.exports.files import ExportFile, text_of
from training.exports.record import OWNER, Reader, Record
from training.exports.timestamps import unix_seconds

_COLUMNS = {"id", "timestamp", "contents", "attachments"}
_JSON_KEYS = re.compile(rb'"ID"\s*:\s*"?\d+"?\s*,\s*"Timestamp"\s*:')


def _claims(_file: ExportFile, head: bytes) -> bool:
    begin = text_of(head).lstrip("\ufeff \t\r\n")
    if begin.startswith("["):
        return _JSON_KEYS.search(head) is not None and b'"Contents"' in head
    return {column.strip('"').casefold() for column in begin.split("\n", 1)[0].strip().split(",")} == _COLUMNS


def _read(file: ExportFile) -> Iterator[Record]:
    with file.open() as stream:
        is_json = text_of(stream.read(4096)).lstrip("\ufeff \t\r\n").startswith("[")
    channel = f"discord:{_channel(file)}"
    rows = json_stream.items(file, "item") if is_json else tabular.rows(file)
    for row in rows:
        yield _record({str(key).casefold(): value for key, value in json_stream.mapping(row).items()}, channel)


def _record(row: dict[str, Any], channel: str) -> Record:
    text = words.clean(discord_markup.plain(str(row.get("contents") or "")))
    return Record(
        id=f"discord:{row['id']}" if row.get("id") else "",
        author=OWNER,
        names=(),
        channel=channel,
        time=unix_seconds(row.get("timestamp")),
        text=text,
        dropped=words.reason_to_drop(text, has_attachments=bool(row.get("attachments"))),
    )


def _channel(file: ExportFile) -> str:
    """Return the channel's id: from channel.json, or from the folder's name, which may have a `c` before it."""
    beside = file.sibling("channel.json")
    if beside:
        with beside.open() as stream:
            try:
                return str(json_stream.mapping(json.load(stream))["id"])
            except (ValueError, KeyError):
                pass  # the folder's name tells as well
    return PurePosixPath(file.path).parent.name.removeprefix("c") or "package"


READER = Reader("discord-package", _claims, _read)
