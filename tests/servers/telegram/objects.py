"""People, bots, chats and messages, and each as the Bot API shows it."""

import itertools
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(eq=False)
class User:
    """Somebody with an account; `is_bot` for a program that is not one of ours."""

    id: int
    first_name: str
    username: str = ""
    is_bot: bool = False

    def shown(self) -> Json:
        """As a User object."""
        told: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return {**told, "username": self.username} if self.username else told


@dataclass(eq=False)
class Bot(User):
    """A bot of this server, with its token. `privacy`: in groups it sees commands, mentions and replies to it only.

    `commands` is by scope, as JSON text; `used` counts its requests by method in small letters.
    """

    is_bot: bool = True
    token: str = ""
    privacy: bool = False
    commands: dict[str, list[Json]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def me(self) -> Json:
        """As getMe shows it."""
        return {
            **self.shown(),
            "can_join_groups": True,
            "can_read_all_group_messages": not self.privacy,
            "supports_inline_queries": False,
        }


@dataclass(eq=False)
class Chat:
    """`kind` is "private", "group" or "supergroup"; `topics` makes it a forum: ids of their first messages to names.

    `blocked`: the person of a private chat has blocked the bot. `started`: they have written to it, before which it
    may not. `muted`: the bot may not write here. `migrated_to` is the supergroup that a group has become.
    """

    id: int
    kind: str
    title: str
    person: User | None = None
    is_forum: bool = False
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, "Message"] = field(default_factory=dict)
    blocked: bool = False
    started: bool = False
    kicked: bool = False
    muted: bool = False
    migrated_to: int = 0

    def shown(self) -> Json:
        """As a Chat object."""
        if self.person:
            named = {key: value for key, value in self.person.shown().items() if key in {"first_name", "username"}}
            return {"id": self.id, "type": self.kind, **named}
        told: Json = {"id": self.id, "type": self.kind, "title": self.title}
        return {**told, "is_forum": True} if self.is_forum else told


@dataclass(eq=False)
class Message:
    """What was said; `extra` holds fields that only some messages have (attachments, service messages, forwards)."""

    id: int
    chat: Chat
    sender: User
    date: int
    text: str
    entities: list[Json] = field(default_factory=list)
    reply_to: "Message | None" = None
    thread: int = 0
    edit_date: int = 0
    extra: Json = field(default_factory=dict)
    number: int = field(default_factory=itertools.count().__next__)
    """Its place among all messages of the world."""
    request: Json = field(default_factory=dict)
    """How a bot asked for it to be sent: the parameters of sendMessage."""

    def shown(self, *, deep: bool = True) -> Json:
        """As a Message object; what it replies to is shown without what that replies to."""
        told: Json = {"message_id": self.id, "from": self.sender.shown(), "chat": self.chat.shown(), "date": self.date}
        if self.thread:
            told |= {"message_thread_id": self.thread}
            if self.chat.is_forum:
                told |= {"is_topic_message": True}
        if self.edit_date:
            told |= {"edit_date": self.edit_date}
        answered = self.reply_to or (self.chat.messages.get(self.thread) if self.chat.is_forum else None)
        if deep and answered is not None and answered is not self:
            told |= {"reply_to_message": answered.shown(deep=False)}
        if self.text:
            in_words = not self.extra.keys() & {"photo", "document"}
            told |= {"text" if in_words else "caption": self.text}
            if self.entities:
                told |= {"entities" if in_words else "caption_entities": self.entities}
        return {**told, **self.extra}
