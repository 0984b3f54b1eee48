"""Handle Discord's messages: pass them on, reply to mentions, collect the owner's posts. Knows no network."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import discord

from bot.config import BotSettings
from bot.discord_bot import collect, convert
from bot.discord_bot.config import NAME, DiscordConfig
from bot.discord_bot.send import is_refusal, post, typing
from bot.replies.types import Channel, Mention, Replier
from bot.serving.collect import Collector

log = logging.getLogger("dann.discord")

InFlight = Callable[[], AbstractContextManager[bool]]
"""Counts the current task among those to be finished when dann leaves; yields False where it is too late to begin."""


class DiscordEvents:
    """Handles one client's events; its `on_` methods have discord.py's names."""

    def __init__(
        self, client: discord.Client, settings: BotSettings, replier: Replier, collector: Collector, in_flight: InFlight
    ) -> None:
        self._client = client
        self._replier = replier
        self._collector = collector
        self._in_flight = in_flight
        self._direct_messages = DiscordConfig.of(settings.bot).direct_messages

    @property
    def _me(self) -> int:
        """Dann's own id; 0 before the login."""
        return self._client.user.id if self._client.user else 0

    async def on_message(self, message: discord.Message) -> None:
        """Pass on every message, and reply to those that are for dann."""
        channel, mine = convert.channel_of(message), message.author.id == self._me
        if not self._listens(channel) or not convert.is_user_message(message) or (mine and is_refusal(message)):
            return
        converted = convert.to_message(message, self._me)
        self._replier.on_message(channel, converted)
        self._collect(channel, message)
        if mine:
            return
        with self._in_flight() as may_begin:
            if may_begin and convert.is_addressed(message, self._me):
                await self._reply(message, Mention(channel, converted, convert.reply_chain(message, self._me)))
            elif may_begin:
                addressed = convert.is_addressed_to_others(message, self._me)
                if reply := await self._replier.remark(channel, converted, addressed=addressed):
                    await self._replier.deliver(reply, partial(post, message, as_reply=False))

    async def _reply(self, message: discord.Message, mention: Mention) -> None:
        async with typing(message.channel):
            reply = await self._replier.answer(mention)
        if reply is None:
            return
        try:
            await self._replier.deliver(reply, partial(post, message))
        except (discord.Forbidden, discord.NotFound) as error:  # muted, or the channel is gone: nobody to tell
            log.warning("cannot answer in channel %s: %s (%s)", message.channel.id, error.text, error.code)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Pass on a message's new text; dann's own too, as replies replace "thinking"."""
        message = payload.message
        channel = convert.channel_of(message)
        if self._listens(channel) and convert.is_user_message(message):
            self._replier.on_edit(channel, str(message.id), convert.text(message, self._me))
            self._collect(channel, message, edited=True)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Pass on that a message was deleted."""
        self._forget(payload.channel_id, payload.guild_id, payload.message_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Pass on that many messages were deleted at once, as when a moderator cleans up."""
        self._forget(payload.channel_id, payload.guild_id, *payload.message_ids)

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """Log the failure of one event, without the event: it holds what people wrote."""
        log.exception("%s failed", event_method)

    def _collect(self, channel: Channel, message: discord.Message, *, edited: bool = False) -> None:
        """Hand the owner's message to the collector, and drop it where an edit left no words."""
        author = convert.author(message.author, self._me)
        if not self._collector.wants(channel, author):
            return
        if post := collect.post_of(message):
            self._collector.add(post, author)
        elif edited:
            self._collector.forget(collect.post_id(message.id))

    def _forget(self, channel_id: int, guild: int | None, *messages: int) -> None:
        known = self._client.get_channel(channel_id) or discord.Object(channel_id)
        channel = convert.channel_of_id(known, guild)
        if self._listens(channel):
            for message in messages:
                self._replier.on_delete(channel, str(message))
                if self._collector.collects(NAME):
                    self._collector.forget(collect.post_id(message))

    def _listens(self, channel: Channel) -> bool:
        """Whether messages of this channel are read at all."""
        return self._direct_messages or not channel.private
