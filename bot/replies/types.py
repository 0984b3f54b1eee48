"""Plain data between a platform and the responder, the same for all. Knows no platform.

A platform passes on every message it sees (`ChatMessage`), so that the conversation is known when dann is mentioned; asks
for a reply with a `Mention`; and sends the `Reply`. No client's objects travel further than their own folder.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from model.config import SamplingParams


@dataclass(frozen=True, slots=True)
class Channel:
    """One conversation's place. Messages of one channel are never read in another.

    `platform` is a platform's name or "web"; `chat` the id of a channel or chat; `thread` a topic's, where a chat has them;
    `guild` the server's, where there are servers. `private`: one person and dann alone.
    """

    platform: str
    chat: str
    thread: str = ""
    guild: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a message: `is_bot` any program, webhooks too; `roles` are ids."""

    id: str
    name: str = ""
    is_me: bool = False
    is_bot: bool = False
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message.

    `text` is what a person reads: mentions of dann are taken out, those of others are "@someone". `reply_to` is the id of the
    message it replies to, "" if none. `time` is in Unix seconds.
    """

    id: str
    author: Author
    text: str
    time: float
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A parsed `/dann`: prompt, sampling parameters, and the seed where one was given."""

    prompt: str
    params: SamplingParams
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A request for a reply: a mention, a reply to dann, a private message or `/dann`.

    `command` is set for `/dann`. `chain` is the messages that `message` replies to, oldest first, as far as the platform has
    them.
    """

    channel: Channel
    message: ChatMessage
    chain: tuple[ChatMessage, ...] = ()
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A text to send: never empty, harmless and without speaker tags, not yet split.

    `footer` says how to get the same text again (`/dann` only). `private`: for the asker alone where the platform can do
    that, as refusals and `/dann-admin` are. `refused`: it says why there is no answer. `checkpoint`: the id of the one that
    drew it, "" for a fixed line.
    """

    text: str
    footer: str = ""
    private: bool = False
    refused: bool = False
    checkpoint: str = field(default="", compare=False)


Send = Callable[[Reply], Awaitable[None]]
"""Sends a reply on a platform."""


class Replier(Protocol):
    """The responder as a platform sees it (responder.py). Called on the event loop; no method raises or blocks."""

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        """Take note of a message, dann's own too, before `answer` for the same message."""

    def on_edit(self, channel: Channel, id_: str, text: str) -> None:
        """Update a message; it is not answered again."""

    def on_delete(self, channel: Channel, id_: str) -> None:
        """Forget a message, and drop the reply to it that is in flight: `answer` returns None."""

    async def answer(self, mention: Mention) -> Reply | None:
        """Return the reply to send; None for people not admitted, a duplicate event, or a message deleted meanwhile."""

    def refuse(self, channel: Channel, author: Author, line: str) -> Reply | None:
        """Return the line that says why a command is not run, or None for whom dann does not answer, or told just now."""

    async def remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> Reply | None:
        """Return an unasked remark, or None; `addressed`: the message speaks to somebody else."""

    async def deliver(self, reply: Reply, send: Send) -> None:
        """Send a reply by `send`; a neutral line instead, or after what was sent, once its checkpoint was withdrawn."""

    async def privacy(self, channel: Channel, author: Author, command: str) -> Reply:
        """Run `/dann-privacy command` for anybody. Always private."""

    async def admin(self, channel: Channel, author: Author, command: str, argument: str) -> Reply:
        """Run `/dann-admin command argument`, or refuse those who are no owners. Always private."""


class Orders(Protocol):
    """The owners' commands as the responder sees them (bot/serving/admin.py)."""

    @property
    def paused(self) -> bool:
        """Whether an owner paused dann."""

    async def run(self, command: str, argument: str) -> str:
        """Run an owner's command and describe the result. Raises DannError, one line, for what cannot be done."""


class PrivacyOrders(Protocol):
    """What people may ask of dann for themselves, as the responder sees it (bot/serving/privacy.py)."""

    def ignores(self, channel: Channel, author: Author) -> bool:
        """Whether this person asked not to be answered, remembered or learned from."""

    async def run(self, channel: Channel, author: Author, command: str) -> str:
        """Run a person's command and describe the result. Raises DannError, one line, for what cannot be done."""


class NoPrivacy:
    """PrivacyOrders where nothing is stored of anybody."""

    def ignores(self, _channel: Channel, _author: Author) -> bool:
        """Nobody is ignored."""
        return False

    async def run(self, _channel: Channel, _author: Author, _command: str) -> str:
        """Say that nothing is stored."""
        return "nothing is stored of anybody here"
