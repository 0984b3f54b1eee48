"""The client: every event that Discord tells of goes to `Replier`, and what comes back is sent. Decides nothing itself."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import discord
from yarl import URL

from bot.config import BotSettings
from bot.discord_bot import collect, convert
from bot.discord_bot.config import DiscordConfig
from bot.discord_bot.interactions import DannCommandTree
from bot.discord_bot.send import is_refusal, post, tell, typing
from bot.replies.types import Channel, Mention, Replier
from bot.serving.collect import Collector
from model.errors import DannError

HEARTBEAT_SECONDS = 60.0
"""After so long without a word from Discord the line counts as dead."""
REMEMBERED = 1000
"""How many messages discord.py keeps, for reply chains."""
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)
PORTAL = "https://discord.com/developers/applications"

log = logging.getLogger("dann.discord")


class DiscordClient(discord.AutoShardedClient):
    """One login. `ready` is told once, on one line, as whom and where dann is connected."""

    def __init__(
        self,
        settings: BotSettings,
        replier: Replier,
        ready: Callable[[str], None],
        collector: Collector | None = None,
    ) -> None:
        super().__init__(
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            heartbeat_timeout=HEARTBEAT_SECONDS,
            max_messages=REMEMBERED,
            member_cache_flags=discord.MemberCacheFlags.none(),
        )
        self._config = DiscordConfig.of(settings.bot)
        self._replier = replier
        self._collector = collector
        self._tell_ready: Callable[[str], None] | None = ready
        self._tree = DannCommandTree(self, settings, replier, self.under_way)
        self._at_work: set[asyncio.Task[Any]] = set()
        self._syncing: asyncio.Task[None] | None = None
        self._leaving = False

    @property
    def me(self) -> int:
        """The id of dann itself; 0 before the login."""
        return self.user.id if self.user else 0

    # start and stop

    async def setup_hook(self) -> None:
        """Refuse to start deaf: without the intent every message in a server would be empty."""
        if not has_message_content(self.application):
            raise missing_intent(self.application_id)
        self._syncing = asyncio.create_task(self._tree.sync_if_changed())

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one shard, to the address in the config where there is one."""
        chosen = URL(self._config.gateway_url) if self._config.gateway_url else gateway
        await super().launch_shard(chosen, shard_id, initial=initial)

    async def on_ready(self) -> None:
        """Say once that dann is there; connecting again is nobody's news."""
        if self._tell_ready:
            count = len(self.guilds)
            shards = f", {self.shard_count} shards" if (self.shard_count or 1) > 1 else ""
            self._tell_ready(f"Discord: {self.user} in {count} server{'' if count == 1 else 's'}{shards}")
            self._tell_ready = None

    async def finish(self, seconds: float) -> None:
        """Take no more mentions, and give the answers under way so long to be sent."""
        self._leaving = True
        here = asyncio.current_task()
        if waiting := {task for task in self._at_work if task is not here}:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
        if self._syncing:
            self._syncing.cancel()

    async def tell_owner(self, owner: str, text: str) -> None:
        """Send an owner a private message. Raises discord.py's errors where they take none."""
        await self.wait_until_ready()
        await tell(await self.create_dm(discord.Object(int(owner))), text)

    @contextmanager
    def under_way(self) -> Iterator[bool]:
        """Count the current task among those that `finish` waits for; yields False where it is too late to begin."""
        task = asyncio.current_task()
        if self._leaving or task is None:
            yield False
            return
        self._at_work.add(task)
        try:
            yield True
        finally:
            self._at_work.discard(task)

    # what Discord tells of

    async def on_message(self, message: discord.Message) -> None:
        """Hear every message, and answer those for dann."""
        channel = convert.channel_of(message)
        if (
            not self._listens(channel)
            or not convert.is_user_message(message)
            or (self._is_mine(message) and is_refusal(message))
        ):
            return
        heard = convert.to_message(message, self.me)
        self._replier.on_message(channel, heard)
        self._collect(channel, message)
        if self._is_mine(message):
            return
        with self.under_way() as may:
            if may and convert.is_for(message, self.me):
                await self._answer(message, Mention(channel, heard, convert.reply_chain(message, self.me)))
            elif may:
                addressed = convert.is_for_another(message, self.me)
                if reply := await self._replier.remark(channel, heard, addressed=addressed):
                    await post(message, reply, as_reply=False)

    async def _answer(self, message: discord.Message, mention: Mention) -> None:
        async with typing(message.channel):
            reply = await self._replier.answer(mention)
        if reply is None:
            return
        try:
            await post(message, reply)
        except (discord.Forbidden, discord.NotFound) as error:  # muted, or the channel is gone: nobody to tell
            log.warning("cannot answer in channel %s: %s (%s)", message.channel.id, error.text, error.code)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Pass on what a message now says; dann's own, too, which is how a command's answer comes to be heard."""
        message = payload.message
        channel = convert.channel_of(message)
        if self._listens(channel) and convert.is_user_message(message):
            self._replier.on_edit(channel, str(message.id), convert.text(message, self.me))
            self._collect(channel, message, edited=True)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Pass on that a message is gone."""
        self._forget(payload.channel_id, payload.guild_id, payload.message_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Pass on that many are gone, as when a moderator cleans up."""
        self._forget(payload.channel_id, payload.guild_id, *payload.message_ids)

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """Log what went wrong in one event; the others go on. The event is left out: it holds what people said."""
        log.exception("%s failed", event_method)

    def _collect(self, channel: Channel, message: discord.Message, *, edited: bool = False) -> None:
        """Pass on what the owner says, and what they have made of it since."""
        if self._collector is None or not self._collector.wants(channel, convert.author(message.author, self.me)):
            return
        if post := collect.post_of(message):
            self._collector.keep(post)
        elif edited:
            self._collector.drop(collect.post_id(message.id))

    def _forget(self, channel_id: int, guild: int | None, *messages: int) -> None:
        known = self.get_channel(channel_id) or discord.Object(channel_id)
        channel = convert.channel_of_id(known, guild)
        if self._listens(channel):
            for message in messages:
                self._replier.on_delete(channel, str(message))
                if self._collector and self._collector.collects(convert.PLATFORM):
                    self._collector.drop(collect.post_id(message))

    def _listens(self, channel: Channel) -> bool:
        """Whether anything from there is for dann's ears."""
        return self._config.direct_messages or not channel.private

    def _is_mine(self, message: discord.Message) -> bool:
        return message.author.id == self.me


def has_message_content(application: discord.AppInfo | None) -> bool:
    """Whether the Message Content intent is switched on."""
    flags = application.flags if application else discord.ApplicationFlags()
    return flags.gateway_message_content or flags.gateway_message_content_limited


def missing_intent(application: int | None) -> DannError:
    """What to do about the intent without which dann hears nothing."""
    page = f"{PORTAL}/{application}/bot" if application else PORTAL
    return DannError(
        f"Discord: the Message Content intent is off, so dann would hear nothing; switch it on at {page} "
        "(Privileged Gateway Intents), then start again"
    )
