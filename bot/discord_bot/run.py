"""Keep dann on Discord: log in, stay connected, leave in good order."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.config import BotSettings
from bot.discord_bot.client import PORTAL, DiscordClient, missing_intent
from bot.discord_bot.config import DiscordConfig
from bot.platform import Tell
from bot.replies.types import Replier
from bot.retraining.notify import OwnerNotifier
from bot.serving.collect import Collector
from model.errors import DannError

CLOSE_SECONDS = 1.0
"""How long closing the connection may take."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
"""Seconds before reconnecting, doubled each time: a bot that identifies 1,000 times a day loses its token."""
STEADY_SECONDS = 600.0
"""After a connection that lasted this long, the next pause is short again."""
TOKEN_REFUSED, INTENT_REFUSED = 4004, 4014
"""Gateway close codes that no reconnecting helps."""

log = logging.getLogger("dann.discord")


async def run(
    token: str, settings: BotSettings, replier: Replier, ready: Tell, collector: Collector, news: OwnerNotifier
) -> None:
    """Answer on Discord until cancelled; then finish the replies in flight, and close.

    Owners are told of `news` here. `ready` is called with one line when dann is connected. discord.py resumes lost
    connections by itself; what it gives up on, such as malformed frames, is logged, and a new client connects. Raises
    DannError, one line that says what to do, for a refused token and for the Message Content intent being off.
    """
    if not is_token(token):
        raise token_refused()
    pause, clock = FIRST_PAUSE, asyncio.get_running_loop().time
    announce: Tell | None = ready

    async def tell(owner: str, text: str) -> None:
        await client.tell_owner(owner, text)

    with (
        use_addresses(DiscordConfig.of(settings.bot)),
        news.attached("Discord", tell, DiscordConfig.of(settings.bot).owners),
    ):
        client = DiscordClient(settings, replier, announce, collector)
        while True:
            start = clock()
            await _stay_if_possible(client, token, settings.bot.drain_seconds)
            if client.is_ready():
                announce = None  # connecting again is no news
            if clock() - start > STEADY_SECONDS:
                pause = FIRST_PAUSE
            log.warning("Discord: trying again in %.0f s", pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            client = DiscordClient(settings, replier, announce, collector)


async def _stay_if_possible(client: DiscordClient, token: str, drain_seconds: float) -> None:
    """Stay connected until discord.py gives up. Raises DannError for what only a person can mend."""
    try:
        await _stay(client, token, drain_seconds)
    except discord.LoginFailure as error:
        raise token_refused() from error
    except discord.PrivilegedIntentsRequired as error:
        raise missing_intent(client.application_id) from error
    except discord.ConnectionClosed as error:
        if error.code == TOKEN_REFUSED:
            raise token_refused() from error
        log.warning("Discord closed the connection (%s)", error.code)
    except DannError:
        raise
    except (discord.DiscordException, OSError) as error:
        log.warning("Discord cannot be reached (%s: %s)", type(error).__name__, error)
    except Exception:
        log.exception("the connection to Discord has ended")


async def _stay(client: DiscordClient, token: str, drain_seconds: float) -> None:
    """Stay connected in a task, as the client swallows a cancellation while it reconnects; leave in good order."""
    staying = asyncio.create_task(client.start(token))
    try:
        await asyncio.wait({staying})
    finally:
        await client.finish(0.0 if client.is_closed() else drain_seconds)
        closing = asyncio.create_task(client.close())
        await asyncio.wait({closing, staying}, timeout=CLOSE_SECONDS)
        closing.cancel()  # a dead connection would be waited for half a minute
        staying.cancel()
        await asyncio.wait({closing, staying}, timeout=CLOSE_SECONDS)
        await client.http.close()
    staying.result()


@contextmanager
def use_addresses(config: DiscordConfig) -> Iterator[None]:
    """Point discord.py, which has no option for that, to the addresses of the config. For tests and proxies."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nor for not warning that it has no voice
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = config.api_url.rstrip("/") or before[0]
    DiscordWebSocket.DEFAULT_GATEWAY = URL(config.gateway_url) if config.gateway_url else before[1]
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


def is_token(token: str) -> bool:
    """Whether it could be a token; what could not must not even be sent."""
    return token.isascii() and token.isprintable() and bool(token) and " " not in token


def token_refused() -> DannError:
    """Say what to do about a refused token."""
    return DannError(
        f"Discord refuses DISCORD_TOKEN; take a new one at {PORTAL} (your application, Bot, Reset Token) and set it again"
    )
