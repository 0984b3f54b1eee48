"""Reader for DiscordChatExporter's JSON and (chat_exporter_csv.py) CSV: a channel per file.

The format does not name the export's owner. Files of several GB are streamed one message at a time, after a first pass
that collects people's names: the text mentions people by name, and the list of mentioned people is not always complete.
"""

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from training.exports.common import iso_time, json_stream, message_text
from training.exports.common.files import ExportFile
from training.exports.common.json_stream import mapping
from training.exports.common.record import ChatNames, ExportReader, Former, Reason, Record
from training.exports.discord import chat_exporter_csv, markup
from training.exports.discord.channel_names import channel_names

Message = dict[str, Any]

_NOBODY = "discord"
"""The author of a message without one (OWNER would make it the owner's)."""
_USER_MESSAGES = frozenset({"Default", "Reply", "0", "19"})
_SERVICE_MESSAGES = frozenset(map(str, range(1, 64))) | frozenset(
    {
        "RecipientAdd", "RecipientRemove", "Call", "ChannelNameChange", "ChannelIconChange", "ChannelPinnedMessage",
        "GuildMemberJoin", "ThreadCreated", "UserJoin", "ThreadStarterMessage", "ApplicationCommand", "ChatInputCommand",
        "ContextMenuCommand", "AutoModerationAction", "StageStart", "StageEnd", "StageSpeaker", "StageTopic", "PollResult",
        "GuildInviteReminder", "GuildBoost", "UserPremiumGuildSubscription", "ChannelFollowAdd", "PurchaseNotification",
    }
)  # fmt: skip
"""Notices; those without a name of their own are numbers."""
_NO_DISCRIMINATORS = frozenset({"", "0", "0000"})
_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_KEYS = (rb'"guild"\s*:\s*\{', rb'"channel"\s*:\s*\{', rb'"(?:messages"\s*:\s*\[|dateRange"\s*:)')

_STRING = rb'\s*:\s*("(?:[^"\\]|\\.){1,400}")'
_NAME_FIELD = re.compile(rb'"(?:nickname"' + _STRING + rb'|name"' + _STRING + rb'\s*,\s*"discriminator")')
_CHUNK = 1 << 20
_OVERLAP = 1 << 11
"""Bytes between two chunks; more than the longest name with its key."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield a channel's messages, in file order. Raises DannError for a file that breaks off."""
    if not _OBJECT.match(file.head()):
        yield from chat_exporter_csv.read(file)
        return
    chat = _chat(file)
    people = _people(file)
    for message in json_stream.items(file, "messages.item"):
        whole = isinstance(message, dict) and isinstance(message.get("content") or "", str)
        yield _record(message, chat, people) if whole else _broken(chat)


def _chat(file: ExportFile) -> ChatNames:
    """Return the channel by its id, and by its guild's name and its own."""
    guild = mapping(next(json_stream.items(file, "guild"), None)).get("name")
    channel = mapping(next(json_stream.items(file, "channel"), None))
    channel_id, name = channel.get("id"), channel.get("name")
    names = channel_names(str(guild or ""), str(name or ""))
    return ChatNames(f"discord:{channel_id}" if channel_id else _NOBODY, names)


def _broken(chat: ChatNames) -> Record:
    return Record("", _NOBODY, (), chat.id, None, "", None, None, "broken", "something that is no message", None, chat)


def _people(file: ExportFile) -> set[str]:
    """Return all names in a file, casefolded, by a search much faster than parsing."""
    found: set[tuple[bytes, bytes]] = set()
    with file.open() as stream:
        chunk = stream.read(_CHUNK)
        while chunk:
            found.update(_NAME_FIELD.findall(chunk))
            more = stream.read(_CHUNK)
            chunk = chunk[-_OVERLAP:] + more if more else b""
    literals = {nickname or name for nickname, name in found}
    return {name.casefold() for literal in literals if (name := _decoded(literal))}


def _decoded(literal: bytes) -> str:
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        return ""


def _record(message: Message, chat: ChatNames, people: Collection[str]) -> Record:
    author = mapping(message.get("author"))
    get = author.get
    names = _names(str(get("name") or ""), str(get("nickname") or ""), str(get("discriminator") or ""))
    message_id, time = message.get("id"), iso_time.seconds(message.get("timestamp"))
    replied_to = mapping(message.get("reference")).get("messageId")
    written = message_text.clean(markup.hide_names(markup.render(message.get("content") or ""), people))
    text = message_text.clean(markup.without_quote(written))
    has_attachments = not text and any(map(message.get, ("attachments", "stickers", "embeds")))
    reason = _not_own_words(message, author) or ("quote" if written and not text else None)
    reason = reason or message_text.reason_to_drop(text, has_attachments=has_attachments)
    return Record(
        id=f"discord:{message_id}" if message_id else "",
        author=str(author.get("id") or "") or next(iter(names), _NOBODY),
        names=names,
        channel=chat.id,
        time=time,
        text="" if reason else text,
        reply_to=f"discord:{replied_to}" if replied_to else None,
        edited=iso_time.seconds(message.get("timestampEdited")),
        dropped=reason,
        note=str(message.get("type"))[:40] if reason == "unknown" else "",
        former=Former(written, time) if written != text else None,
        chat=chat,
    )


@lru_cache(maxsize=1024)  # a few people write most of a file
def _names(name: str, nickname: str, discriminator: str) -> tuple[str, ...]:
    tagged = "" if discriminator in _NO_DISCRIMINATORS else f"{name}#{discriminator}"
    return tuple(dict.fromkeys(alias for alias in (name, nickname, tagged) if alias))


def _not_own_words(message: Message, author: Message) -> Reason | None:
    """Return why a message is not its sender's own words, whatever its text, or None."""
    kind = str(message.get("type", "Default"))
    if kind not in _USER_MESSAGES:
        return "service" if kind in _SERVICE_MESSAGES else "unknown"
    if message.get("forwardedMessage") or mapping(message.get("reference")).get("type") == "Forward":
        return "forward"
    return "bot" if author.get("isBot") else None


def claims(head: bytes) -> bool:
    """Claim a JSON object that begins with a guild and a channel, or the exporter's CSV."""
    if _OBJECT.match(head):
        return all(re.search(key, head) for key in _KEYS)
    return chat_exporter_csv.claims(head)


READER = ExportReader("discord-chat-exporter", claims, read)
