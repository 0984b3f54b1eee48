"""Answer `/dann` and `/dann-admin`: acknowledged at once, refused in private."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import discord
from discord import app_commands

from bot.config import BotSettings
from bot.discord_bot import command_menu, convert
from bot.discord_bot.config import DiscordConfig
from bot.discord_bot.events import InFlight
from bot.discord_bot.send import pieces
from bot.replies import phrases
from bot.replies.options import command_from_options
from bot.replies.types import Author, Channel, ChatMessage, Mention, Replier, Reply
from model.errors import DannError

DEFER_AFTER = 0.05
"""Seconds: a refusal takes less, and can then be shown to one person alone; Discord waits for 3."""
MAX_INTERACTIONS = 1000
"""Interactions remembered, so that none is answered twice."""
NO_REPLY = "not now, sorry"
"""A command must get a response even where dann keeps quiet, or Discord calls the bot broken."""
TOO_LATE_CODES = frozenset({10008, 10015, 10062, 40060, 50027})
"""Discord's codes for an interaction that waited too long, was answered before, or was dismissed."""
CHANGED = "this command has changed since your app looked; try again in a minute"

log = logging.getLogger("dann.discord")


class DannCommandTree(app_commands.CommandTree[discord.Client]):
    """dann's commands. `in_flight` counts a reply among those to be finished, and says whether it may begin."""

    def __init__(self, client: discord.Client, settings: BotSettings, replier: Replier, in_flight: InFlight) -> None:
        super().__init__(client)
        self._replier = replier
        self._params = settings.sample
        self._in_flight = in_flight
        self._seen: deque[int] = deque(maxlen=MAX_INTERACTIONS)
        in_private = DiscordConfig.of(settings.bot).direct_messages
        command_menu.add_commands(
            self, settings.persona.name, self._on_dann, self._on_admin, self._on_privacy, in_private=in_private
        )

    async def sync_if_changed(self) -> None:
        """Register the commands if Discord lists others; mentions work without them."""
        try:
            if not await command_menu.is_synced(self):
                await self.sync()
                log.info("commands registered with Discord")
        except (discord.DiscordException, OSError) as error:
            log.warning("the commands could not be registered with Discord (%s); mentions are answered", error)
        except Exception:
            log.exception("the commands could not be registered with Discord; mentions are answered")

    async def interaction_check(self, interaction: command_menu.Interaction, /) -> bool:
        """Let each interaction through once, as Discord may send one again, and only with options that exist."""
        if interaction.id in self._seen:
            return False
        self._seen.append(interaction.id)
        if problem := command_menu.signature_problem(interaction):
            await _respond_if_possible(interaction, problem)
            return False
        return True

    async def on_error(self, interaction: command_menu.Interaction, error: app_commands.AppCommandError, /) -> None:
        """Log it, and tell the asker one line if they can still be told."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        changed = isinstance(cause, app_commands.AppCommandError)
        if isinstance(cause, discord.HTTPException) and cause.code in TOO_LATE_CODES:
            log.warning("a command's answer found nobody waiting: %s (%s)", cause.text, cause.code)
            return
        log.error("a command failed", exc_info=cause)
        await _respond_if_possible(interaction, CHANGED if changed else phrases.FAILED)

    async def _on_dann(self, interaction: command_menu.Interaction, options: dict[str, Any]) -> None:
        """Handle `/dann`."""
        with self._in_flight() as may_begin:
            prompt = options.pop("prompt", "")
            try:
                command = command_from_options(prompt, self._params, **options)
            except DannError as error:
                await _respond(interaction, Reply(str(error), private=True))
                return
            channel, author = self._context(interaction)
            message = ChatMessage(str(interaction.id), author, command.prompt, interaction.created_at.timestamp())
            reply = await self._answer(interaction, Mention(channel, message, command=command)) if may_begin else None
            sending = partial(self._send, interaction, channel)
            await self._replier.deliver(reply or Reply(NO_REPLY, private=True), sending)

    async def _answer(self, interaction: command_menu.Interaction, mention: Mention) -> Reply | None:
        """Draw the reply; show that dann is thinking where that takes longer than a refusal."""
        drawing = asyncio.ensure_future(self._replier.answer(mention))
        try:
            await asyncio.wait({drawing}, timeout=DEFER_AFTER)
            if not drawing.done():
                await interaction.response.defer()
            return await drawing
        finally:
            drawing.cancel()  # where it could not be acknowledged, nobody will read it

    async def _on_admin(self, interaction: command_menu.Interaction, command: str, argument: str) -> None:
        """Handle `/dann-admin`, visible to nobody else; some commands take longer than 3 s."""
        await self._answer_privately(
            interaction, lambda channel, author: self._replier.admin(channel, author, command, argument.strip())
        )

    async def _on_privacy(self, interaction: command_menu.Interaction, command: str) -> None:
        """Handle `/dann-privacy`, visible to nobody else."""
        await self._answer_privately(
            interaction, lambda channel, author: self._replier.privacy(channel, author, command)
        )

    async def _answer_privately(
        self, interaction: command_menu.Interaction, ask: Callable[[Channel, Author], Awaitable[Reply]]
    ) -> None:
        with self._in_flight():
            await interaction.response.defer(ephemeral=True)
            first, *others = pieces(await ask(*self._context(interaction)))
            await interaction.edit_original_response(content=first)
            for other in others:
                await interaction.followup.send(other, ephemeral=True)

    def _context(self, interaction: command_menu.Interaction) -> tuple[Channel, Author]:
        me = self.client.user.id if self.client.user else 0
        return convert.channel_of_id(interaction.channel, interaction.guild_id), convert.author(interaction.user, me)

    async def _send(self, interaction: command_menu.Interaction, channel: Channel, reply: Reply) -> None:
        """Send the reply, and pass it on as a message: Discord only announced "thinking"."""
        message = await _respond(interaction, reply)
        if message and not reply.private and not reply.refused:
            self._replier.on_message(channel, convert.to_message(message, message.author.id))


async def _respond_if_possible(interaction: command_menu.Interaction, line: str) -> None:
    try:
        await _respond(interaction, Reply(line, private=True))
    except (discord.DiscordException, OSError) as error:
        log.warning("the failure of a command could not be reported to its user: %s", type(error).__name__)


async def _respond(interaction: command_menu.Interaction, reply: Reply) -> discord.Message | None:
    """Send a reply as the response; return the message that replaced "thinking", if any."""
    first, *others = pieces(reply)
    edited: discord.Message | None = None
    if not interaction.response.is_done():
        await interaction.response.send_message(first, ephemeral=reply.private)
    elif reply.private and interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        await interaction.delete_original_response()  # "thinking" was for all to see
        await interaction.followup.send(first, ephemeral=True)
    else:
        edited = await interaction.edit_original_response(content=first)
    for other in others:
        await interaction.followup.send(other, ephemeral=reply.private)
    return edited
