"""Telegram Desktop's `result.json`: one chat, or a whole account with all of them.

The file is read twice: first for whose account it is and every chat's header, which may stand behind its messages once
a tool has sorted the keys, then for the messages, one at a time.
"""

import hashlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from string import ascii_lowercase
from typing import Any

from training.exports.common import json_stream, message_text
from training.exports.common.files import ExportFile
from training.exports.common.record import OWNER, ExportReader, Reason, Record

Message = dict[str, Any]

_NOBODY = "telegram"
"""The author of a message that names none (OWNER would make it mine)."""
_CHATS = ("", "chats.list.item.", "left_chats.list.item.")
_MEDIA = frozenset(
    {
        "photo", "file", "media_type", "location_information", "live_location_period_seconds", "place_name", "poll",
        "contact_information", "contact_vcard", "game_title", "invoice_information", "dice", "paid_media", "todo_list",
        "giveaway_information", "story_id",
    }
)  # fmt: skip
_FORWARDED = ("forwarded_from", "forwarded_from_id", "saved_from", "saved_from_id")
_TOPIC_MEMORY = 100_000

_ACCOUNT = re.compile(
    rb'"(?:personal_information"\s*:\s*\{\s*"user_id"|(?:left_)?chats"\s*:\s*\{[^{\[]*"list"\s*:\s*\[)'
)
_KIND = re.compile(
    rb'"type"\s*:\s*"(?:personal_chat|bot_chat|saved_messages|(?:private|public)_(?:super)?(?:group|channel))"'
)
_MESSAGE = re.compile(rb'"(?:date|date_unixtime)"\s*:[^{}]*"(?:from|from_id|actor)"\s*:')


@dataclass(slots=True)
class _Chat:
    """One chat's header, and what its messages so far tell about those to come."""

    id: str
    kind: str
    name: str
    messages: int
    services: set[int] = field(default_factory=set)
    topics: dict[int, int] = field(default_factory=dict)
    recent: deque[int] = field(default_factory=deque)

    @property
    def channel(self) -> str:
        """The chat's own id, or a hash of its name, which may be a person's."""
        return f"telegram:{self.id or hashlib.sha256(self.name.encode('utf-8', 'replace')).hexdigest()[:12]}"


@dataclass(slots=True)
class _Survey:
    owner: str
    chats: dict[str, list[_Chat]]


def _survey(file: ExportFile) -> _Survey:
    survey = _Survey("", {place: [] for place in _CHATS})
    headers: dict[str, dict[str, str]] = {place: {} for place in _CHATS}
    keys = {place + key: (place, key) for place in _CHATS for key in ("id", "type", "name")}
    counts = {f"{place}messages.item": place for place in _CHATS}
    messages = dict.fromkeys(_CHATS, 0)
    ends = {place.removesuffix("."): place for place in _CHATS}
    for prefix, event, value in json_stream.events(file):
        if prefix in counts:
            messages[counts[prefix]] += event not in ("map_key", "end_map", "end_array")
        elif prefix in keys and event in ("string", "number"):
            place, key = keys[prefix]
            headers[place][key] = str(value)
        elif prefix in ends and event == "end_map":
            place = ends[prefix]
            header, headers[place] = headers[place], {}
            survey.chats[place].append(
                _Chat(header.get("id", ""), header.get("type", ""), header.get("name", ""), messages[place])
            )
            messages[place] = 0
        elif prefix == "personal_information.user_id":
            survey.owner = f"user{value}"
    return survey


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the messages of every chat, in file order. Raises DannError for a file that breaks off."""
    survey = _survey(file)
    for place, chats in survey.chats.items():
        if any(chat.messages for chat in chats):
            messages = json_stream.items(file, f"{place}messages.item")
            for chat in chats:
                for message in islice(messages, chat.messages):
                    if isinstance(message, dict):
                        yield _record(message, chat, survey.owner)


def _record(message: Message, chat: _Chat, owner: str) -> Record:
    who = _person(message["from_id"] if message.get("from_id") is not None else message.get("actor_id"))
    name = _name(message)
    author = who or name or _NOBODY
    mine = author == owner or (chat.kind == "saved_messages" and who == f"user{chat.id}")
    channel, reply_to = _place(message, chat)
    time = _seconds(message, "date")
    edited = _seconds(message, "edited")
    text, starts_with_command = _text(message.get("text", message.get("text_entities", "")))
    text = message_text.clean(text)
    reason = _foreign(message, chat, author) or ("command" if starts_with_command else None)
    reason = reason or message_text.reason_to_drop(text, has_attachments=not _MEDIA.isdisjoint(message))
    return Record(
        id=_id(chat, message.get("id")),
        author=OWNER if mine else author,
        names=tuple(alias for alias in (name, who.lstrip(ascii_lowercase), who) if alias),
        channel=channel,
        time=time,
        text="" if reason else text,
        reply_to=reply_to,
        edited=edited if edited and time and edited > time else None,  # old exports say 1970 for "never"
        dropped=reason,
    )


def _name(message: Message) -> str:
    return str(message.get("from") or message.get("actor") or "")


def _person(number: object) -> str:
    """Write an id as exports since 2021 do ("user1"); before, it was one number with the kind in its high bits."""
    if not isinstance(number, int):
        return str(number or "")  # an id may be 0; None and "" are none
    kind = {0: "user", 1: "chat", 2: "channel"}.get(number >> 32, "user")
    return f"{kind}{number if kind == 'user' else number & 0xFFFFFFFF}"


def _id(chat: _Chat, number: object) -> str:
    return f"telegram:{chat.id}:{number}" if chat.id and number is not None else ""


def _foreign(message: Message, chat: _Chat, author: str) -> Reason | None:
    """Say why a message is not its sender's own words, whatever it says."""
    if message.get("type", "message") != "message":
        return "service"
    if any(key in message for key in _FORWARDED):
        return "forward"
    if message.get("via_bot"):
        return "via_bot"
    return "bot" if chat.kind == "bot_chat" and author in (f"user{chat.id}", chat.name) else None


def _text(text: object) -> tuple[str, bool]:
    """Join a text's parts, people mentioned made "@someone"; True if it opens with a bot's command."""
    parts = text if isinstance(text, list) else [text]
    joined = ""
    for part in parts:
        kind, words_of_it = (part.get("type"), part.get("text")) if isinstance(part, dict) else ("plain", part)
        if kind == "bot_command" and not joined.strip():
            return "", True
        joined += "@someone" if kind in ("mention", "mention_name") else str(words_of_it or "")
    return joined, False


def _place(message: Message, chat: _Chat) -> tuple[str, str | None]:
    """Return the channel (a topic is one of its own) and what the message answers.

    Every message in a topic that answers nothing is written as a reply to the notice that opened the topic. An answer
    within a topic shows only what it answers, so the topic of recent messages is remembered.
    """
    number, target = message.get("id"), message.get("reply_to_message_id")
    if message.get("type") == "service" and isinstance(number, int):
        chat.services.add(number)
    peer = str(message.get("reply_to_peer_id") or "").lstrip(ascii_lowercase)
    if not isinstance(target, int) or (peer and peer != chat.id):
        return chat.channel, None
    topic = target if target in chat.services else chat.topics.get(target)
    if topic is not None and isinstance(number, int):
        chat.topics[number] = topic
        chat.recent.append(number)
        if len(chat.recent) > _TOPIC_MEMORY:
            chat.topics.pop(chat.recent.popleft(), None)
    channel = chat.channel if topic is None else f"{chat.channel}:{topic}"
    return channel, None if target in chat.services else _id(chat, target) or None


def _seconds(message: Message, key: str) -> float | None:
    """Read Unix seconds where the export has them (since 2021), else the local time as if it were UTC."""
    try:
        unix = message.get(f"{key}_unixtime")
        local = message.get(key)
        if unix:
            return float(unix)
        return datetime.fromisoformat(str(local)).replace(tzinfo=UTC).timestamp() if local else None
    except (ValueError, TypeError, OverflowError):
        return None


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim JSON that looks like an account, or like a chat with Telegram's kinds of chat or of message."""
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return False
    chat = re.search(rb'"messages"\s*:\s*\[', head) and (_KIND.search(head) or _MESSAGE.search(head))
    return bool(chat or _ACCOUNT.search(head))


READER = ExportReader("telegram", claims, read)
