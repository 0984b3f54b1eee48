"""Users, bots, chats and messages, with their JSON in the Bot API."""

import itertools
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(eq=False)
class User:
    """A user; `is_bot` for a bot of somebody else."""

    id: int
    first_name: str
    username: str = ""
    is_bot: bool = False

    def shown(self) -> Json:
        """Return the User object."""
        body: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return {**body, "username": self.username} if self.username else body


@dataclass(eq=False)
class Bot(User):
    """A bot; with `privacy` it sees only commands, mentions and replies to it in groups.

    `commands` is by scope, as JSON text; `used` counts its requests by lower-case method.
    """

    is_bot: bool = True
    token: str = ""
    privacy: bool = False
    commands: dict[str, list[Json]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def me(self) -> Json:
        """Return the User object of getMe."""
        return {
            **self.shown(),
            "can_join_groups": True,
            "can_read_all_group_messages": not self.privacy,
            "supports_inline_queries": False,
        }


@dataclass(eq=False)
class Chat:
    """A private chat, group or supergroup; `topics` are a forum's names by first message id.

    `blocked`: the person of a private chat has blocked the bot. `started`: they have written to the bot, which it needs to
    write to them. `muted`: the bot may not write here. `migrated_to` is the supergroup that a group has become.
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
        """Return the Chat object."""
        if self.person:
            named = {key: value for key, value in self.person.shown().items() if key in {"first_name", "username"}}
            return {"id": self.id, "type": self.kind, **named}
        body: Json = {"id": self.id, "type": self.kind, "title": self.title}
        return {**body, "is_forum": True} if self.is_forum else body


@dataclass(eq=False)
class Message:
    """A message; `extra` has fields of some kinds only (attachments, services, forwards)."""

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
    """Its position among all messages."""
    request: Json = field(default_factory=dict)
    """The parameters of a bot's sendMessage."""

    def shown(self, *, deep: bool = True) -> Json:
        """Return the Message object, with the message it replies to, one level deep."""
        body: Json = {"message_id": self.id, "from": self.sender.shown(), "chat": self.chat.shown(), "date": self.date}
        if self.thread:
            body |= {"message_thread_id": self.thread}
            if self.chat.is_forum:
                body |= {"is_topic_message": True}
        if self.edit_date:
            body |= {"edit_date": self.edit_date}
        replied_to = self.reply_to or (self.chat.messages.get(self.thread) if self.chat.is_forum else None)
        if deep and replied_to is not None and replied_to is not self:
            body |= {"reply_to_message": replied_to.shown(deep=False)}
        if self.text:
            is_text = not self.extra.keys() & {"photo", "document"}
            body |= {"text" if is_text else "caption": self.text}
            if self.entities:
                body |= {"entities" if is_text else "caption_entities": self.entities}
        return {**body, **self.extra}
