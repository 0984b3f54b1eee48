"""DiscordChatExporter's JSON: one channel with everybody in it, of any size, one message at a time.

Its CSV, which knows much less, is discord_chat_exporter_csv.py's.
"""

import re
from collections.abc import Iterator
from typing import Any

from training.exports import discord_markup, json_stream, words
from training.exports.files import ExportFile
from training.exports.record import Reader, Reason, Record
from training.exports.timestamps import unix_seconds

Message = dict[str, Any]

_TALK = frozenset({"Default", "Reply", "0", "19"})
"""Every other type is a notice, whose content is the exporter's own English."""
_GUILD = re.compile(rb'^\s*(?:\xef\xbb\xbf)?\s*\{\s*"guild"\s*:\s*\{')


def _claims(_file: ExportFile, head: bytes) -> bool:
    return _GUILD.match(head) is not None and b'"channel"' in head


def _read(file: ExportFile) -> Iterator[Record]:
    channel = f"discord:{_channel(file)}"
    for message in json_stream.items(file, "messages.item"):
        yield _record(json_stream.mapping(message), channel)


def _channel(file: ExportFile) -> str:
    """Return the channel's id, which stands before the messages."""
    for prefix, event, value in json_stream.events(file):
        if prefix == "channel.id":
            return str(value)
        if prefix == "messages" and event == "start_array":
            break
    return "unknown"


def _record(message: Message, channel: str) -> Record:
    author = json_stream.mapping(message.get("author"))
    reference = json_stream.mapping(message.get("reference"))
    text = words.clean(discord_markup.plain(_without_names(message)))
    name = str(author.get("name") or "")
    names = (name, str(author.get("nickname") or ""), f"{name}#{author.get('discriminator') or ''}")
    answered = reference.get("messageId") if str(message.get("type")) in _TALK else None
    return Record(
        id=f"discord:{message['id']}" if message.get("id") else "",
        author=str(author.get("id") or "discord"),
        names=tuple(name for name in names if name),
        channel=channel,
        time=unix_seconds(message.get("timestamp")),
        text=text,
        reply_to=f"discord:{answered}" if answered else None,
        edited=unix_seconds(message.get("timestampEdited")),
        dropped=_dropped(message, author, reference, text),
    )


def _dropped(message: Message, author: Message, reference: Message, text: str) -> Reason | None:
    if str(message.get("type", "Default")) not in _TALK:
        return "service"
    if author.get("isBot") is True:
        return "bot"
    if message.get("forwardedMessage") or reference.get("type") in {"Forward", 1}:
        return "forward"
    attached = any(message.get(key) for key in ("attachments", "embeds", "stickers"))
    return words.reason_to_drop(text, has_attachments=attached)


def _without_names(message: Message) -> str:
    """Return the content with the names that the exporter rendered for mentions put back to @someone."""
    text = str(message.get("content") or "")
    if "@" not in text:
        return text
    mentioned = json_stream.mappings(message.get("mentions"))
    names = {str(who[key]) for who in mentioned for key in ("nickname", "name") if who.get(key)}
    return discord_markup.without_names(text, names)


READER = Reader("discord-chat-exporter", _claims, _read)
