"""Check what would keep dann from answering on Discord, without connecting. Changes nothing."""

from collections.abc import Callable
from typing import Any

import aiohttp
import discord
from discord import app_commands

from bot.config import BotSettings
from bot.discord_bot import command_menu
from bot.discord_bot.client import has_message_content, missing_intent
from bot.discord_bot.config import DiscordConfig
from bot.discord_bot.run import is_token, token_refused, use_addresses
from bot.platform import Finding

MAX_RATE_LIMIT_WAIT = 30.0
"""Seconds that Discord's rate limit may make us wait; the least that discord.py takes."""


async def check_discord(token: str, settings: BotSettings, dated: Callable[[str], Any]) -> list[Finding]:
    """Check the token, the Message Content intent and the commands. `dated` is called with each Date header."""
    if not is_token(token):
        return [_token_refused()]
    with use_addresses(DiscordConfig.of(settings.bot)):
        client = discord.Client(
            intents=discord.Intents(guilds=True),
            http_trace=_date_trace(dated),
            max_ratelimit_timeout=MAX_RATE_LIMIT_WAIT,
        )
        try:
            async with client:
                await client.login(token)
                return await _check_bot(client, settings)
        except discord.LoginFailure:
            return [_token_refused()]
        except (discord.DiscordException, OSError) as error:
            return [Finding("Discord", _unreachable(error), trouble=True, advice="look at the network, then try again")]


async def _check_bot(client: discord.Client, settings: BotSettings) -> list[Finding]:
    findings = [Finding("Discord", f"{client.user}")]
    if has_message_content(client.application):
        findings.append(Finding("  Message Content intent", "on"))
    else:
        advice = str(missing_intent(client.application_id)).split("; ", 1)[1]
        findings.append(
            Finding("  Message Content intent", "off: dann would hear nothing", trouble=True, advice=advice)
        )
    tree: app_commands.CommandTree[discord.Client] = app_commands.CommandTree(client)
    command_menu.add_commands(
        tree,
        settings.persona.name,
        _unused,
        _unused,
        _unused,
        in_private=DiscordConfig.of(settings.bot).direct_messages,
    )
    if await command_menu.is_synced(tree):
        return [*findings, Finding("  commands", "registered")]
    seen, advice = "not registered as they are now", "start `dann serve` once: it registers them"
    return [*findings, Finding("  commands", seen, trouble=True, advice=advice)]


async def _unused(*_: Any) -> None:
    """Callback of commands that nobody can call."""


def _token_refused() -> Finding:
    seen, advice = str(token_refused()).removeprefix("Discord ").split("; ", 1)
    return Finding("Discord", seen, trouble=True, advice=advice)


def _unreachable(error: Exception) -> str:
    """Describe an error without any URL: no proxy adds a secret to it that way."""
    code = f" {error.status}" if isinstance(error, discord.HTTPException) else ""
    return f"cannot be asked ({type(error).__name__}{code})"


def _date_trace(dated: Callable[[str], Any]) -> aiohttp.TraceConfig:
    async def ended(_session: object, _context: object, params: aiohttp.TraceRequestEndParams) -> None:
        if date := params.response.headers.get("Date"):
            dated(date)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    return trace
