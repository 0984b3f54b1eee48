"""Connect one discord.py client, and leave in good order. Where discord.py gives up, run.py connects again."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import discord
from yarl import URL

from bot.config import BotSettings
from bot.discord_bot.commands import DannCommandTree
from bot.discord_bot.config import DiscordConfig
from bot.discord_bot.events import DiscordEvents
from bot.discord_bot.send import send_unasked
from bot.platform import Tell
from bot.replies.types import Replier
from bot.serving.collect import Collector
from model.errors import DannError

HEARTBEAT_SECONDS = 60.0
"""The connection counts as dead when nothing has come from Discord for this long."""
CACHED_MESSAGES = 1000
"""Messages that discord.py caches, for reply chains."""
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)
PORTAL = "https://discord.com/developers/applications"

log = logging.getLogger("dann.discord")


class DiscordClient(discord.AutoShardedClient):
    """One login. `ready` is called once, with one line: under which name and in how many servers dann is connected."""

    def __init__(self, settings: BotSettings, replier: Replier, ready: Tell | None, collector: Collector) -> None:
        super().__init__(
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            heartbeat_timeout=HEARTBEAT_SECONDS,
            max_messages=CACHED_MESSAGES,
            member_cache_flags=discord.MemberCacheFlags.none(),
        )
        self._config = DiscordConfig.of(settings.bot)
        self._announce = ready
        self._tree = DannCommandTree(self, settings, replier, self.in_flight)
        self._in_flight_tasks: set[asyncio.Task[Any]] = set()
        self._syncing: asyncio.Task[None] | None = None
        self._leaving = False
        events = DiscordEvents(self, settings, replier, collector, self.in_flight)
        for handler in (
            events.on_message,
            events.on_raw_message_edit,
            events.on_raw_message_delete,
            events.on_raw_bulk_message_delete,
        ):
            self.event(handler)
        self.on_error = events.on_error  # type: ignore[method-assign]

    async def setup_hook(self) -> None:
        """Refuse to start without the Message Content intent: all text would be empty."""
        if not has_message_content(self.application):
            raise missing_intent(self.application_id)
        self._syncing = asyncio.create_task(self._tree.sync_if_changed())

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one shard, to the address in the config where there is one."""
        address = URL(self._config.gateway_url) if self._config.gateway_url else gateway
        await super().launch_shard(address, shard_id, initial=initial)

    async def on_ready(self) -> None:
        """Say that dann is connected, the first time only."""
        if self._announce:
            count = len(self.guilds)
            shards = f", {self.shard_count} shards" if (self.shard_count or 1) > 1 else ""
            self._announce(f"Discord: {self.user} in {count} server{'' if count == 1 else 's'}{shards}")
            self._announce = None

    async def finish(self, seconds: float) -> None:
        """Begin no more replies, and wait up to `seconds` for those in flight."""
        self._leaving = True
        current = asyncio.current_task()
        if waiting := {task for task in self._in_flight_tasks if task is not current}:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
        if self._syncing:
            self._syncing.cancel()

    async def tell_owner(self, owner: str, text: str) -> None:
        """Send an owner a private message. Raises discord.py's errors where they take none."""
        await self.wait_until_ready()
        await send_unasked(await self.create_dm(discord.Object(int(owner))), text)

    @contextmanager
    def in_flight(self) -> Iterator[bool]:
        """Count the current task among those that `finish` waits for; yields False where it is too late to begin."""
        task = asyncio.current_task()
        if self._leaving or task is None:
            yield False
            return
        self._in_flight_tasks.add(task)
        try:
            yield True
        finally:
            self._in_flight_tasks.discard(task)


def has_message_content(application: discord.AppInfo | None) -> bool:
    """Whether the Message Content intent is switched on."""
    flags = application.flags if application else discord.ApplicationFlags()
    return flags.gateway_message_content or flags.gateway_message_content_limited


def missing_intent(application: int | None) -> DannError:
    """Say where to switch on the intent without which dann hears nothing."""
    page = f"{PORTAL}/{application}/bot" if application else PORTAL
    return DannError(
        f"Discord: the Message Content intent is off, so dann would hear nothing; switch it on at {page} "
        "(Privileged Gateway Intents), then start again"
    )
