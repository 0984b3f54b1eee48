"""What a platform and the responder say to each other, the same on Discord, Telegram and the page. Knows none of them.

A platform passes on every message it sees (`ChatMessage`), so that the conversation is known when dann is mentioned; asks
for a reply with a `Mention`; and sends the `Reply`. Everything here is plain data: no client's objects travel further
than their own file.
"""

from dataclasses import dataclass
from typing import Protocol

from model.config import SamplingParams


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a conversation is held. What was said in one place is never read in another.

    `platform` is "discord", "telegram" or "web"; `chat` a channel's or chat's id; `thread` a topic's, where a chat has
    them; `guild` the server's, where there are servers. `private`: one person and dann alone.
    """

    platform: str
    chat: str
    thread: str = ""
    guild: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote something. `is_me`: dann itself; `is_bot`: another program, a webhook too; `roles` are ids."""

    id: str
    name: str = ""
    is_me: bool = False
    is_bot: bool = False
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message. `text` is what a person reads: mentions of dann are taken out, those of others are "@someone".

    `reply_to` is the id of the message it answers, "" if none. `time` is Unix seconds.
    """

    id: str
    author: Author
    text: str
    time: float
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """What `/dann` asked for: the words to answer, how to draw the answer, and the seed where one was given."""

    prompt: str
    params: SamplingParams
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """dann is wanted: a mention, a reply to it, a private message, or `/dann` (then `command` is set).

    `chain` is the messages that `message` answers, oldest first, as far as the platform hands them over.
    """

    channel: Channel
    message: ChatMessage
    chain: tuple[ChatMessage, ...] = ()
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send: never empty, defused and without speaker tags, not yet cut to the platform's length.

    `footer` says how to get the same text again (only where `/dann` asked). `private`: for the asker's eyes alone where
    the platform can do that, as refusals and `/dann-admin` are. `refused`: it says why there is no answer.
    """

    text: str
    footer: str = ""
    private: bool = False
    refused: bool = False


class Replier(Protocol):
    """What a platform asks of the responder (responder.py). Called on the event loop; none of it raises or blocks."""

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        """A message was seen, also one that is not for dann, also dann's own. Before `answer` for the same message."""

    def on_edit(self, channel: Channel, id_: str, text: str) -> None:
        """A message that was heard now reads so; it is not answered again."""

    def on_delete(self, channel: Channel, id_: str) -> None:
        """A message that was heard is gone; an answer to it that is under way is not sent: `answer` returns None."""

    async def answer(self, mention: Mention) -> Reply | None:
        """What to send, or None where dann keeps quiet: not allowed here, a bot, the same event twice, deleted meanwhile."""

    async def remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> Reply | None:
        """Whether to say something unasked to a message not for dann; `addressed`: it speaks to somebody else."""

    async def admin(self, channel: Channel, author: Author, command: str, argument: str) -> Reply:
        """Do `/dann-admin command argument` for an owner, or say that only owners may. Always private."""


class Orders(Protocol):
    """What the responder asks of `/dann-admin` (bot/serving/admin.py)."""

    @property
    def paused(self) -> bool:
        """Whether an owner told dann to keep quiet."""

    async def run(self, command: str, argument: str) -> str:
        """Do what an owner orders and say what came of it. Raises DannError, one line, for what cannot be done."""
