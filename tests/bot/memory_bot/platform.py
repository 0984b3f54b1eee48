"""A platform made up for tests: messages are put into a queue of this process, replies are found in a list."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.config import BotSettings, Ids
from bot.platform import Check, Finding, Platform, Run
from bot.replies.permissions import PlatformConfig, is_allowed
from bot.replies.types import Author, Channel, ChatMessage, Mention, Replier, Reply
from bot.retraining.notify import OwnerNotifier
from bot.serving.collect import Collector
from training.store.post import Post

NAME = "memory"


class MemoryConfig(PlatformConfig):
    """`[bot.memory]`."""

    environment_variable = "MEMORY_TOKEN"

    deny_rooms: Ids = ()

    def admits_channel(self, channel: Channel) -> bool:
        return is_allowed({channel.chat}, (), self.deny_rooms)


@dataclass
class MemoryServer:
    """What people say to dann, and what it sent."""

    mentions: asyncio.Queue[Mention] = field(default_factory=asyncio.Queue)
    replies: list[tuple[Mention, Reply | None]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def ask(self, user: str, room: str, text: str) -> Reply | None:
        """Mention dann and wait until it has replied or decided not to."""
        count = len(self.replies)
        message = ChatMessage(str(count), Author(user), text, 1e9 + count)
        self.mentions.put_nowait(Mention(Channel(NAME, room), message))
        while len(self.replies) == count:
            await asyncio.sleep(0.01)
        return self.replies[-1][1]

    async def run(
        self,
        token: str,
        settings: BotSettings,
        replier: Replier,
        tell: Callable[[str], None],
        collector: Collector,
        news: OwnerNotifier,
    ) -> None:
        self.tokens.append(token)
        with news.attached("Memory", self._notify, MemoryConfig.of(settings.bot).owners):
            tell("Memory: dann is there")
            while True:
                mention = await self.mentions.get()
                message = mention.message
                replier.on_message(mention.channel, message)
                if collector.wants(mention.channel, message.author):
                    collector.add(Post(f"memory:{message.id}", "memory:room", mine=True, time=1.0, text=message.text))
                self.replies.append((mention, await replier.answer(mention)))

    async def check(self, token: str, settings: BotSettings, _dated: Callable[[str], Any]) -> list[Finding]:
        owners = MemoryConfig.of(settings.bot).owners
        return [Finding("Memory", f"{token} belongs to {owners[0]}")]

    async def _notify(self, owner: str, text: str) -> None:
        raise AssertionError("no retraining runs in these tests")


def memory_platform(server: MemoryServer) -> Platform:
    def load_run() -> Run:
        return server.run

    def load_check() -> Check:
        return server.check

    return Platform(NAME, "Memory", "open a queue", MemoryConfig, load_run, load_check)
