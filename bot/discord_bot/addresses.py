"""The addresses of `[bot.discord]`, in the place of Discord's own. For tests and proxies."""

from collections.abc import Iterator
from contextlib import contextmanager

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.discord_bot.config import DiscordConfig


@contextmanager
def use_addresses(config: DiscordConfig) -> Iterator[None]:
    """Point discord.py to the addresses of the config; it has no option for that."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nor for not warning that it has no voice
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = config.api_url.rstrip("/") or before[0]
    DiscordWebSocket.DEFAULT_GATEWAY = URL(config.gateway_url) if config.gateway_url else before[1]
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
