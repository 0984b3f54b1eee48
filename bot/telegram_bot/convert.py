"""A message of Telegram's in the responder's words: where, who, what, and whether dann is meant. Sends nothing.

Entities say what a mention is, so that a name inside code, or one that only looks like dann's, is none. Their offsets
count UTF-16 units.
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
"""What goes with dann's name when that is taken out: "@dann, hello" is "hello"."""


@dataclass(frozen=True, slots=True)
class MessageReader:
    """Reads messages as the bot `me` does."""

    me: User

    def to_message(self, message: Message, text: str | None = None) -> ChatMessage:
        """The message; `text` instead of its own where a command was cut off it."""
        answered = replied_to(message)
        return ChatMessage(
            id=message_id(message),
            author=self.author(message),
            text=self.text(message) if text is None else text,
            time=message.date.timestamp(),
            reply_to=message_id(answered) if answered else "",
        )

    def chain(self, message: Message) -> tuple[ChatMessage, ...]:
        """What it replies to, if that was said in words: Telegram hands over one message, not what that one replies to."""
        answered = replied_to(message)
        heard = self.to_message(answered) if answered else None
        return (heard,) if heard and heard.text else ()

    def author(self, message: Message) -> Author:
        """Who wrote it. Somebody who writes as a group or a channel is a person, though Telegram shows them as a bot."""
        if message.sender_chat is not None:
            chat = message.sender_chat
            return Author(str(chat.id), chat.title or "", is_bot=bool(message.is_automatic_forward))
        user = message.from_user
        if user is None:
            return Author("", is_bot=True)
        return Author(str(user.id), user.full_name, is_me=user.id == self.me.id, is_bot=user.is_bot)

    def text(self, message: Message) -> str:
        """What a person reads: dann's name taken out, others' as "@someone", and of dann's own no footer or refusal."""
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
        """Whether dann is meant: its name, a reply to it, or a private chat. What was only forwarded is said to nobody."""
        if message.chat.type == ChatType.PRIVATE:
            return True
        if message.forward_origin is not None:
            return False
        answered = replied_to(message)
        to_me = answered is not None and answered.from_user is not None and answered.from_user.id == self.me.id
        return to_me or any(self._names_me(message, entity) for entity in entities(message))

    def is_addressed_to_others(self, message: Message) -> bool:
        """Whether it speaks to somebody: a name, or a reply."""
        names = {MessageEntity.MENTION, MessageEntity.TEXT_MENTION}
        return replied_to(message) is not None or any(entity.type in names for entity in entities(message))

    def _names_me(self, message: Message, entity: MessageEntity) -> bool:
        if entity.type == MessageEntity.TEXT_MENTION:
            return entity.user is not None and entity.user.id == self.me.id
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        name = _from_utf16(_to_utf16(text_or_caption(message))[start:end])
        return entity.type == MessageEntity.MENTION and name.lower() == f"@{self.me.username}".lower()

    def _is_footer(self, message: Message, entity: MessageEntity, rest: bytes) -> bool:
        """Whether it is the slanted end of dann's own message, which is not its voice: send.py writes footers so."""
        mine = message.from_user is not None and message.from_user.id == self.me.id
        return mine and entity.type == MessageEntity.ITALIC and not rest


def without_names(message: Message) -> str:
    """What it says, with "@someone" for everybody who is mentioned, as exports are read."""
    raw = _to_utf16(text_or_caption(message))
    for entity in sorted(entities(message), key=lambda entity: entity.offset, reverse=True):
        if entity.type in {MessageEntity.MENTION, MessageEntity.TEXT_MENTION}:
            raw = raw[: 2 * entity.offset] + _to_utf16(SOMEONE) + raw[2 * (entity.offset + entity.length) :]
    return _from_utf16(raw)


def channel_of(message: Message) -> Channel:
    """Where it was said. Only a topic is a thread: in other groups Telegram numbers replies as threads too."""
    thread = str(message.message_thread_id) if message.is_topic_message else ""
    return Channel(NAME, str(message.chat.id), thread, private=message.chat.type == ChatType.PRIVATE)


def message_id(message: Message) -> str:
    """An id that no other message has: Telegram counts anew in every group."""
    return f"{message.chat.id}/{message.message_id}"


def replied_to(message: Message) -> Message | None:
    """What it replies to. In a topic everything "replies" to the topic's beginning, which nobody said."""
    answered = message.reply_to_message
    if answered is None or answered.forum_topic_created is not None:
        return None
    return answered


def is_user_message(message: Message) -> bool:
    """Whether somebody said or showed something; joining, pinning and the like is told in messages too."""
    shown = message.successful_payment is None and message.effective_attachment is not None
    return bool(text_or_caption(message)) or shown


def text_or_caption(message: Message) -> str:
    """The text, or what is written under a picture."""
    return message.text or message.caption or ""


def entities(message: Message) -> Iterator[MessageEntity]:
    """Those of the text, or of what is written under a picture."""
    yield from message.entities if message.text else message.caption_entities


def _to_utf16(text: str) -> bytes:
    """Two bytes a unit of `entity.offset`."""
    return text.encode("utf-16-le", "surrogatepass")


def _from_utf16(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace")
