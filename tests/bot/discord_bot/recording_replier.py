"""A replier for tests of dann on Discord: it echoes, or replies as a test says, and records its calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.replies.types import Author, Channel, ChatMessage, Mention, Reply, Send

MakeReply = Callable[[Mention], Awaitable[Reply | None]]


async def echo_reply(mention: Mention) -> Reply | None:
    return Reply(f"echo: {mention.message.text}")


def always_reply(reply: Reply | None) -> MakeReply:
    """Give the same reply to everything."""

    async def make_reply(_: Mention) -> Reply | None:
        return reply

    return make_reply


@dataclass
class RecordingReplier:
    """A `Replier` that records its calls. `make_reply` makes the reply; `remarks` is the unasked one."""

    make_reply: MakeReply = echo_reply
    remarks: Reply | None = None
    messages: list[tuple[Channel, ChatMessage]] = field(default_factory=list)
    edits: list[tuple[Channel, str, str]] = field(default_factory=list)
    deletions: list[tuple[Channel, str]] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    remark_requests: list[tuple[str, bool]] = field(default_factory=list)
    orders: list[tuple[Channel, Author, str, str]] = field(default_factory=list)

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        self.messages.append((channel, message))

    def on_edit(self, channel: Channel, id_: str, text: str) -> None:
        self.edits.append((channel, id_, text))

    def on_delete(self, channel: Channel, id_: str) -> None:
        self.deletions.append((channel, id_))

    async def answer(self, mention: Mention) -> Reply | None:
        twice = any(message.message.id == mention.message.id for message in self.mentions)
        self.mentions.append(mention)
        if twice or mention.message.author.is_bot:
            return None
        reply = await self.make_reply(mention)
        deleted = any(id_ == mention.message.id for _, id_ in self.deletions)
        return None if deleted else reply

    def refuse(self, channel: Channel, author: Author, line: str) -> Reply | None:
        raise AssertionError("Discord shows a refusal to its author alone")

    async def remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> Reply | None:
        self.remark_requests.append((message.text, addressed))
        return self.remarks

    async def deliver(self, reply: Reply, send: Send) -> None:
        await send(reply)

    async def privacy(self, channel: Channel, author: Author, command: str) -> Reply:
        self.orders.append((channel, author, "privacy", command))
        return Reply(f"privacy: {command}", private=True)

    async def admin(self, channel: Channel, author: Author, command: str, argument: str) -> Reply:
        self.orders.append((channel, author, command, argument))
        return Reply(f"did {command} {argument}".strip(), private=True)

    def texts(self) -> list[str]:
        return [message.text for _, message in self.messages]
