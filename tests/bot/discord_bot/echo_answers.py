"""Answers for tests of dann on Discord: they echo, or say what a test has them say, and remember what they were told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.replies.types import Author, Channel, ChatMessage, Mention, Reply

Voice = Callable[[Mention], Awaitable[Reply | None]]


async def say_back(mention: Mention) -> Reply | None:
    return Reply(f"echo: {mention.message.text}")


def always(reply: Reply | None) -> Voice:
    """A voice that has one thing to say."""

    async def voice(_: Mention) -> Reply | None:
        return reply

    return voice


@dataclass
class Echo:
    """`Answers` that remember what they were told. `voice` makes the reply, `remarks` the unasked one."""

    voice: Voice = say_back
    remarks: Reply | None = None
    told: list[tuple[Channel, ChatMessage]] = field(default_factory=list)
    edits: list[tuple[Channel, str, str]] = field(default_factory=list)
    gone: list[tuple[Channel, str]] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    overheard: list[tuple[str, bool]] = field(default_factory=list)
    orders: list[tuple[Channel, Author, str, str]] = field(default_factory=list)

    def on_message(self, place: Channel, said: ChatMessage) -> None:
        self.told.append((place, said))

    def on_edit(self, place: Channel, id_: str, text: str) -> None:
        self.edits.append((place, id_, text))

    def on_delete(self, place: Channel, id_: str) -> None:
        self.gone.append((place, id_))

    async def answer(self, mention: Mention) -> Reply | None:
        twice = any(one.message.id == mention.message.id for one in self.mentions)
        self.mentions.append(mention)
        if twice or mention.message.author.is_bot:
            return None
        reply = await self.voice(mention)
        deleted = any(id_ == mention.message.id for _, id_ in self.gone)
        return None if deleted else reply

    async def remark(self, place: Channel, said: ChatMessage, *, addressed: bool) -> Reply | None:
        self.overheard.append((said.text, addressed))
        return self.remarks

    async def admin(self, place: Channel, author: Author, command: str, argument: str) -> Reply:
        self.orders.append((place, author, command, argument))
        return Reply(f"did {command} {argument}".strip(), private=True)

    def texts(self) -> list[str]:
        return [said.text for _, said in self.told]
