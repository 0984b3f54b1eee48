"""Convert Telegram's messages to plain data: channel, author, text, and to whom they speak.

Entities mark mentions, so that a name inside code, or one that only looks like dann's, is none. Their offsets count UTF-16
units.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from telegram import Message, MessageEntity, User
from telegram.constants import ChatType

from bot.replies.types import Author, Channel, ChatMessage
from bot.telegram_bot.config import NAME

SOMEONE = "@someone"
_COMMA = re.compile(r"[,:]?[ \t]?")
"""Removed together with dann's name: "@dann, hello" is "hello"."""


@dataclass(frozen=True, slots=True)
class MessageReader:
    """Converts messages as bot `me` sees them."""

    me: User

    def to_message(self, message: Message, text: str | None = None) -> ChatMessage:
        """Convert a message; `text` replaces its own where a command was cut off."""
        original = replied_to(message)
        return ChatMessage(
            id=message_id(message),
            author=self.author(message),
            text=self.text(message) if text is None else text,
            time=message.date.timestamp(),
            reply_to=message_id(original) if original else "",
        )

    def chain(self, message: Message) -> tuple[ChatMessage, ...]:
        """Return the message it replies to, if that has text; Telegram hands over no earlier ones."""
        original = replied_to(message)
        converted = self.to_message(original) if original else None
        return (converted,) if converted and converted.text else ()

    def author(self, message: Message) -> Author:
        """Convert the author; who writes as a group or channel is a person, though shown as a bot."""
        if message.sender_chat is not None:
            chat = message.sender_chat
            return Author(str(chat.id), chat.title or "", is_bot=bool(message.is_automatic_forward))
        user = message.from_user
        if user is None:
            return Author("", is_bot=True)
        return Author(str(user.id), user.full_name, is_me=user.id == self.me.id, is_bot=user.is_bot)

    def text(self, message: Message) -> str:
        """Return the text as read: without dann's name, others as "@someone", dann's own without footer or refusal."""
        raw = _to_utf16(text_or_caption(message))
        for entity in sorted(entities(message), key=lambda entity: entity.offset, reverse=True):
            start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
            if self._is_footer(message, entity, raw[end:]):
                raw = raw[:start]
            elif self._names_me(message, entity):
                rest = _from_utf16(raw[end:])
                raw = raw[:start] + _to_utf16(_COMMA.sub("", rest, count=1))
            elif entity.type in {MessageEntity.MENTION, MessageEntity.TEXT_MENTION}:
                raw = raw[:start] + _to_utf16(SOMEONE) + raw[end:]
        return _from_utf16(raw).strip()

    def is_addressed(self, message: Message) -> bool:
        """Whether it speaks to dann: in private, by name or by a reply; a forward speaks to nobody."""
        if message.chat.type == ChatType.PRIVATE:
            return True
        if message.forward_origin is not None:
            return False
        original = replied_to(message)
        to_me = original is not None and original.from_user is not None and original.from_user.id == self.me.id
        return to_me or any(self._names_me(message, entity) for entity in entities(message))

    def is_addressed_to_others(self, message: Message) -> bool:
        """Whether a message speaks to somebody, by a mention or a reply."""
        names = {MessageEntity.MENTION, MessageEntity.TEXT_MENTION}
        return replied_to(message) is not None or any(entity.type in names for entity in entities(message))

    def _names_me(self, message: Message, entity: MessageEntity) -> bool:
        if entity.type == MessageEntity.TEXT_MENTION:
            return entity.user is not None and entity.user.id == self.me.id
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        name = _from_utf16(_to_utf16(text_or_caption(message))[start:end])
        return entity.type == MessageEntity.MENTION and name.lower() == f"@{self.me.username}".lower()

    def _is_footer(self, message: Message, entity: MessageEntity, rest: bytes) -> bool:
        """Whether the entity is the italic footer of dann's own message: send.py writes footers so."""
        mine = message.from_user is not None and message.from_user.id == self.me.id
        return mine and entity.type == MessageEntity.ITALIC and not rest


def without_names(message: Message) -> str:
    """Return the text with "@someone" for everybody mentioned, as exports are read."""
    raw = _to_utf16(text_or_caption(message))
    for entity in sorted(entities(message), key=lambda entity: entity.offset, reverse=True):
        if entity.type in {MessageEntity.MENTION, MessageEntity.TEXT_MENTION}:
            raw = raw[: 2 * entity.offset] + _to_utf16(SOMEONE) + raw[2 * (entity.offset + entity.length) :]
    return _from_utf16(raw)


def channel_of(message: Message) -> Channel:
    """Return a message's channel; only a topic is a thread, though other groups number replies as threads too."""
    thread = str(message.message_thread_id) if message.is_topic_message else ""
    return Channel(NAME, str(message.chat.id), thread, private=message.chat.type == ChatType.PRIVATE)


def message_id(message: Message) -> str:
    """Build a unique id: Telegram counts from 1 in every group."""
    return f"{message.chat.id}/{message.message_id}"


def replied_to(message: Message) -> Message | None:
    """Return the message this one replies to; in a topic all "reply" to its creation, which nobody wrote."""
    original = message.reply_to_message
    if original is None or original.forum_topic_created is not None:
        return None
    return original


def is_user_message(message: Message) -> bool:
    """Whether somebody wrote or showed something; joins, pins and the like are messages too."""
    has_attachment = message.successful_payment is None and message.effective_attachment is not None
    return bool(text_or_caption(message)) or has_attachment


def text_or_caption(message: Message) -> str:
    """Return the text, or the caption of a picture."""
    return message.text or message.caption or ""


def entities(message: Message) -> Iterator[MessageEntity]:
    """Yield the entities of the text, or of the caption."""
    yield from message.entities if message.text else message.caption_entities


def begins_with_command(message: Message) -> bool:
    """Whether Telegram marks a command at the very beginning."""
    return any(entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0 for entity in entities(message))


def _to_utf16(text: str) -> bytes:
    """Encode as UTF-16: two bytes per unit of `entity.offset`."""
    return text.encode("utf-16-le", "surrogatepass")


def _from_utf16(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace")
