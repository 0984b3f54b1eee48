"""A harness for tests of dann on Discord: the real client, a server on loopback, and replies that echo."""

import asyncio
import functools
import gc
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from bot.config import BotSettings
from bot.discord_bot.run import run
from bot.platforms import settings_class
from bot.replies.types import Mention, Replier, Reply
from bot.retraining.notify import OwnerNotifier
from bot.serving.collect import Collector
from model.config import SamplingParams
from tests.bot.discord_bot.recording_replier import MakeReply, RecordingReplier, echo_reply
from tests.servers.discord import DiscordServer, SimulatedDiscord
from tests.servers.discord.objects import Channel, Guild, Message, User


@dataclass
class DiscordHarness:
    """Ann and Bob in a guild's room, and dann. `ready` has its line when it connected; `errors` what it logged.

    `answers` may be set, before it is started, to another replier than the echo, and `news` to a notifier of owners.
    """

    server: DiscordServer
    replier: RecordingReplier
    ann: User
    bob: User
    guild: Guild
    room: Channel
    ready: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    answers: Replier | None = None
    news: OwnerNotifier = field(default_factory=OwnerNotifier)
    running: asyncio.Task[None] | None = None

    @property
    def simulation(self) -> SimulatedDiscord:
        return self.server.simulation

    @property
    def at(self) -> str:
        """A mention of dann as it is typed."""
        return f"<@{self.simulation.bot.id}>"

    def settings(
        self,
        persona: str = "dann",
        drain_seconds: float = 5.0,
        sample: SamplingParams = SamplingParams(),  # noqa: B008 (frozen)
        **table: Any,
    ) -> BotSettings:
        addresses = {"api_url": self.server.api_url, "gateway_url": self.server.gateway_url}
        bot = {"discord": addresses | table, "drain_seconds": drain_seconds}
        return settings_class().model_validate({"persona": {"name": persona}, "sample": sample, "bot": bot})

    def delay_replies(self, make_reply: MakeReply = echo_reply) -> asyncio.Event:
        """Let every answer wait until the event is set."""
        go_on = asyncio.Event()

        async def slow(mention: Mention) -> Reply | None:
            await go_on.wait()
            return await make_reply(mention)

        self.replier.make_reply = slow
        return go_on

    def start(self, **settings: Any) -> None:
        self.running = asyncio.create_task(self.run(self.simulation.token, **settings))

    async def run(self, token: str, **settings: Any) -> None:
        made = self.settings(**settings)
        await run(token, made, self.answers or self.replier, self.ready.append, Collector(made), self.news)

    async def connected(self) -> None:
        """Wait until every shard listens; raises what ended dann, if something did."""
        assert self.running is not None
        up = asyncio.create_task(
            self.simulation.until(lambda: self.server.gateway.connected == self.server.gateway.shards)
        )
        await asyncio.wait({up, self.running}, return_when=asyncio.FIRST_COMPLETED)
        if self.running.done():
            up.cancel()
            self.running.result()
        await up

    async def registered(self) -> None:
        """Wait until dann's commands are there."""
        await self.simulation.until(lambda: self.simulation.commands.writes == 1)

    async def stop(self) -> None:
        if self.running:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running

    async def ask(self, text: str = "and now?", channel: Channel | None = None) -> Message:
        """Mention dann, and wait for the answer."""
        return await self.simulation.first_reply(
            self.simulation.say(self.ann, channel or self.room, f"{self.at} {text}")
        )

    async def assert_no_reply(self, *ignored: Message) -> None:
        """Check that dann kept quiet: what was said after it has been answered, and it has not."""
        last = await self.ask("anything else?", ignored[-1].channel)
        for message in ignored:
            assert self.simulation.replies_to(message) == []
        assert [one for one in self.simulation.bot_messages(last.channel) if one.id > ignored[0].id] == [last]


@asynccontextmanager
async def discord_harness() -> AsyncIterator[DiscordHarness]:
    """Yield a harness with dann not yet started; fail where errors were logged."""
    async with DiscordServer() as server:
        simulation = server.simulation
        ann, bob = simulation.user("ann"), simulation.user("bob")
        guild = simulation.guild("home", ann, bob)
        discord = DiscordHarness(server, RecordingReplier(), ann, bob, guild, simulation.channel(guild, "general"))
        server.gateway.identify_seconds = 0.0
        handler = _ErrorCollector(discord.errors)
        logging.getLogger().addHandler(handler)
        asyncio.get_running_loop().set_exception_handler(lambda _, context: discord.errors.append(str(context)))
        try:
            yield discord
        finally:
            await discord.stop()
            gc.collect()  # tasks whose failure nobody looked at say so when they go
            logging.getLogger().removeHandler(handler)
    assert discord.errors == []
    assert server.limits.broken == 0


class _ErrorCollector(logging.Handler):
    """Keeps errors that are logged."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record.getMessage() + str(record.exc_info or ""))


def with_discord(
    *, connected: bool = True, **settings: Any
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Any]:
    """Run an async test with a harness as its first parameter; `connected` False: dann is not started yet."""

    def decorate(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        async def run_scenario(**fixtures: Any) -> None:
            async with discord_harness() as discord:
                if connected:
                    discord.start(**settings)
                    await discord.connected()
                await test(discord, **fixtures)

        @functools.wraps(test)
        def scenario(**fixtures: Any) -> None:
            asyncio.run(run_scenario(**fixtures))

        parameters = list(inspect.signature(test).parameters.values())[1:]
        scenario.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # pytest reads it
        return scenario

    return decorate
