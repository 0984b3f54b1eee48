"""Reader for Telegram Desktop's `result.json`: one chat, or all chats of an account.

The file is read twice: first for the account's owner and every chat's header, which may come after its messages if a tool
has sorted the keys; then for the messages, one at a time.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from string import ascii_lowercase
from typing import Any

from training.exports.common import json_stream, local_time, message_text
from training.exports.common.files import ExportFile
from training.exports.common.record import NO_CHAT, OWNER, ChatNames, ExportReader, Former, Reason, Record, channel_hash

Message = dict[str, Any]

_NOBODY = "telegram"
"""The author of a message without one (OWNER would make it the owner's)."""
_CHAT_PREFIXES = ("", "chats.list.item.", "left_chats.list.item.")
"""The JSON prefixes under which a chat's keys stand: one chat alone, or those of an account."""
_MEDIA = frozenset(
    {
        "photo", "file", "media_type", "location_information", "live_location_period_seconds", "place_name", "poll",
        "contact_information", "contact_vcard", "game_title", "invoice_information", "dice", "paid_media", "todo_list",
        "giveaway_information", "story_id",
    }
)  # fmt: skip
_KNOWN_KEYS = frozenset(
    {
        "id", "type", "date", "date_unixtime", "edited", "edited_unixtime", "from", "from_id", "actor", "actor_id", "author",
        "reply_to_message_id", "reply_to_peer_id", "text", "text_entities", "reactions", "inline_bot_buttons", "views",
        "forwards", "saved_from", "saved_from_id", "via_bot", "signature", "effect", "paid_stars_amount", "grouped_id",
    }
)  # fmt: skip
"""Keys of a message besides its media that say nothing of its own."""
_FORWARDED = ("forwarded_from", "forwarded_from_id", "saved_from", "saved_from_id")
_OPENS_TOPIC = "topic_created"
_MAX_TOPIC_MESSAGES = 100_000
"""Messages per chat whose topic is remembered."""

_ACCOUNT = re.compile(
    rb'"(?:personal_information"\s*:\s*\{\s*"user_id"|(?:left_)?chats"\s*:\s*\{[^{\[]*"list"\s*:\s*\[)'
)
_KIND = re.compile(
    rb'"type"\s*:\s*"(?:personal_chat|bot_chat|saved_messages|(?:private|public)_(?:super)?(?:group|channel))"'
)
_MESSAGE = re.compile(rb'"(?:date|date_unixtime)"\s*:[^{}]{0,400}"(?:from|from_id|actor)"\s*:')


@dataclass(slots=True)
class _Chat:
    """One chat's header, and the topics of its messages read so far.

    `topics` has each message's notice that opened its topic, if any, and the one that earlier versions took for that.
    """

    id: str = ""
    type: str = ""
    name: str = ""
    messages: int = 0
    services: set[int] = field(default_factory=set)
    opened: set[int] = field(default_factory=set)
    topics: dict[int, tuple[int | None, int]] = field(default_factory=dict)
    recent: deque[int] = field(default_factory=deque)
    shown: ChatNames = NO_CHAT

    @property
    def channel(self) -> str:
        """The chat's own id, or a hash of its name, which may be a person's."""
        return f"telegram:{self.id or channel_hash(self.name)}"

    def channel_of(self, topic: int | None) -> str:
        """The channel of a topic, or the chat's own for None."""
        return self.channel if topic is None else f"{self.channel}:{topic}"


def _survey(file: ExportFile) -> tuple[str, dict[str, list[_Chat]]]:
    """Return the account's owner, and every chat by prefix."""
    owner = ""
    chats = {prefix: [_Chat()] for prefix in _CHAT_PREFIXES}  # the last is the one being read
    keys = {prefix + key: (prefix, key) for prefix in _CHAT_PREFIXES for key in ("id", "type", "name")}
    counts = {f"{prefix}messages.item": prefix for prefix in _CHAT_PREFIXES}
    ends = {prefix.removesuffix("."): prefix for prefix in _CHAT_PREFIXES}
    for path, event, value in json_stream.events(file):
        if path in counts:
            chats[counts[path]][-1].messages += event not in ("map_key", "end_map", "end_array")
        elif path in keys and event in ("string", "number"):
            prefix, key = keys[path]
            setattr(chats[prefix][-1], key, str(value))
        elif path in ends and event == "end_map":
            chats[ends[path]].append(_Chat())
        elif path == "personal_information.user_id":
            owner = f"user{value}"
    return owner, chats


def read(file: ExportFile) -> Iterator[Record]:
    """Yield every chat's messages, in file order. Raises DannError for a file that breaks off."""
    owner, chats_by_prefix = _survey(file)
    for prefix, chats in chats_by_prefix.items():
        if any(chat.messages for chat in chats):
            messages = json_stream.items(file, f"{prefix}messages.item")
            for chat in chats:
                name = chat.name or ("Saved Messages" if chat.type == "saved_messages" else "")
                chat.shown = ChatNames(chat.channel, (name,) if name else ())
                for message in islice(messages, chat.messages):
                    whole = isinstance(message, dict) and all(isinstance(text, str) for _, text in _parts(message))
                    yield _record(message, chat, owner) if whole else _broken(chat)


def _record(message: Message, chat: _Chat, owner: str) -> Record:
    person = _person_id(message["from_id"] if message.get("from_id") is not None else message.get("actor_id"))
    name = str(message.get("from") or message.get("actor") or "")
    author = person or name or _NOBODY
    mine = author == owner or (chat.type == "saved_messages" and person == f"user{chat.id}")
    channel, former_channel, reply_to = _topic_and_reply(message, chat)
    time = _seconds(message, "date")
    former_time = _former_seconds(message, time)
    edited = _seconds(message, "edited")
    text, starts_with_command = _text(message)
    text = message_text.clean(text)
    reason = _not_own_words(message, chat, author) or ("command" if starts_with_command else None)
    unknown = _unknown_kind(message, text) if reason is None else ""
    reason = reason or ("unknown" if unknown else None)
    reason = reason or message_text.reason_to_drop(text, has_attachments=not _MEDIA.isdisjoint(message))
    former = None
    if (former_channel, former_time) != (channel, time) and not reason:
        former = Former(text, former_time, channels=(former_channel,), moves=True)
    return Record(
        id=_id(chat, message.get("id")),
        author=OWNER if mine else author,
        names=tuple(alias for alias in (name, person.lstrip(ascii_lowercase), person) if alias),
        channel=channel,
        time=time,
        text="" if reason else text,
        reply_to=reply_to,
        edited=edited if edited and time and edited > time else None,  # old exports write 1970 for "never"
        dropped=reason,
        note=unknown,
        former=former,
        chat=chat.shown,
    )


def _broken(chat: _Chat) -> Record:
    return Record(
        "", _NOBODY, (), chat.channel, None, "", None, None, "broken", "something that is no message", None, chat.shown
    )


def _unknown_kind(message: Message, text: str) -> str:
    """Return the key that has what a message without text or media says, "" if there is none."""
    if text or not _MEDIA.isdisjoint(message):
        return ""
    return next((key[:40] for key, value in message.items() if value and key not in _KNOWN_KEYS), "")


def _person_id(number: object) -> str:
    """Return an id like "user1"; exports before 2021 have its kind in a number's high bits."""
    if not isinstance(number, int):
        return str(number or "")  # an id may be 0; None and "" are none
    kind = {0: "user", 1: "chat", 2: "channel"}.get(number >> 32, "user")
    return f"{kind}{number if kind == 'user' else number & 0xFFFFFFFF}"


def _id(chat: _Chat, number: object) -> str:
    return f"telegram:{chat.id}:{number}" if chat.id and number is not None else ""


def _not_own_words(message: Message, chat: _Chat, author: str) -> Reason | None:
    """Return why a message is not its sender's own words, whatever its text, or None."""
    if message.get("type", "message") != "message":
        return "service"
    if any(key in message for key in _FORWARDED):
        return "forward"
    if message.get("via_bot"):
        return "via_bot"
    return "bot" if chat.type == "bot_chat" and author in (f"user{chat.id}", chat.name) else None


def _parts(message: Message) -> Iterator[tuple[object, Any]]:
    """A text's parts, each with its kind."""
    text = message.get("text", message.get("text_entities", ""))
    for part in text if isinstance(text, list) else [text]:
        kind, shown = (part.get("type"), part.get("text")) if isinstance(part, dict) else ("plain", part)
        yield kind, shown or ""


def _text(message: Message) -> tuple[str, bool]:
    """Join a text's parts, with "@someone" for mentions; True if it starts with a bot command."""
    joined = ""
    for kind, shown in _parts(message):
        if kind == "bot_command" and not joined.strip():
            return "", True
        joined += "@someone" if kind in ("mention", "mention_name") else shown
    return joined, False


def _topic_and_reply(message: Message, chat: _Chat) -> tuple[str, str, str | None]:
    """Return the channel, which is the topic where there is one, that of earlier versions, and the message replied to.

    A message in a topic that is no reply is exported as a reply to the notice that opened the topic. A reply within a topic
    names only the message it replies to, so the topics of recent messages are remembered. Nobody wrote a notice, so an answer
    to one answers nothing. Earlier versions took every notice that is answered for one that opened a topic.
    """
    number, target = message.get("id"), message.get("reply_to_message_id")
    if message.get("type") == "service" and isinstance(number, int):
        chat.services.add(number)
        if message.get("action") == _OPENS_TOPIC:
            chat.opened.add(number)
    peer = str(message.get("reply_to_peer_id") or "").lstrip(ascii_lowercase)
    if not isinstance(target, int) or (peer and peer != chat.id):
        return chat.channel, chat.channel, None
    topic, former = chat.topics.get(target, (None, None))
    topic, former = (target if target in chat.opened else topic), (target if target in chat.services else former)
    if former is not None and isinstance(number, int):
        chat.topics[number] = topic, former
        chat.recent.append(number)
        if len(chat.recent) > _MAX_TOPIC_MESSAGES:
            chat.topics.pop(chat.recent.popleft(), None)
    reply_to = None if target in chat.services else _id(chat, target) or None
    return chat.channel_of(topic), chat.channel_of(former), reply_to


def _seconds(message: Message, key: str) -> float | None:
    """Return Unix seconds as exports have since 2021, or else the local time read as UTC."""
    unix, local = message.get(f"{key}_unixtime"), message.get(key)
    time = local_time.unix_seconds(unix) if unix else None
    if time is not None:
        return time
    try:
        return datetime.fromisoformat(str(local)).replace(tzinfo=UTC).timestamp() if local else None
    except (ValueError, OverflowError):
        return None


def _former_seconds(message: Message, time: float | None) -> float | None:
    """Return the time that earlier versions took a message to have: any number of seconds."""
    unix = message.get("date_unixtime")
    try:
        return float(unix) if unix else time
    except (ValueError, TypeError, OverflowError):
        return None


def claims(head: bytes) -> bool:
    """Claim JSON of an account, or of a chat with Telegram's kinds of chat or message."""
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return False
    chat = re.search(rb'"messages"\s*:\s*\[', head) and (_KIND.search(head) or _MESSAGE.search(head))
    return bool(chat or _ACCOUNT.search(head))


READER = ExportReader("telegram", claims, read)
