"""What would stop dann on Discord, found by looking: logs in, opens no gateway, changes nothing. For `dann doctor`."""

from typing import Any

import discord
from discord import app_commands

from bot.config import BotSettings
from bot.discord_bot import slash
from bot.discord_bot.client import INTENTS, deaf, hears
from bot.discord_bot.run import addresses, is_token, refused


async def complaints(token: str, settings: BotSettings) -> list[str]:
    """One line each, with what to do; none where Discord lets dann in, lets it hear, and shows its commands."""
    if not is_token(token):
        return [str(refused())]
    with addresses(settings.bot.discord):
        async with discord.Client(intents=INTENTS) as client:
            try:
                await client.login(token)
                synced = await slash.is_synced(_commands(client, settings))
            except discord.LoginFailure:
                return [str(refused())]
            except (discord.DiscordException, OSError) as error:
                return [
                    f"Discord cannot be reached ({error}); see whether this machine is online, and [bot.discord] api_url"
                ]
            found = [] if hears(client.application) else [str(deaf(client.application_id))]
            if not synced:
                found.append(
                    "Discord lists other commands than this version's; `dann serve` registers them when it starts"
                )
            return found


def _commands(client: discord.Client, settings: BotSettings) -> "app_commands.CommandTree[Any]":
    """The commands as `dann serve` would register them."""

    async def nobody(*_: object) -> None:
        """Without a gateway no command reaches this."""

    tree: app_commands.CommandTree[Any] = app_commands.CommandTree(client)
    in_private = settings.bot.discord.direct_messages
    slash.add_commands(tree, settings.persona.name, nobody, nobody, in_private=in_private)
    return tree
