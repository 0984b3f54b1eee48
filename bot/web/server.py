"""Keeping dann on HTTP: uvicorn on the bot's own event loop. The entry point for app.py.

Signals and the time to stop are the bot's; logs are its own too: uvicorn's are left as they are.
"""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from bot.config import WebConfig
from bot.process.redaction import Redaction
from bot.web.http.auth import NO_SECRETS, WebSecrets
from bot.web.http.guard import guarded
from bot.web.http.listen import open_socket, url_of
from bot.web.http.timeouts import with_timeouts
from bot.web.models import Models
from bot.web.routes import application
from bot.web.state import AppState

log = logging.getLogger("dann.web")


class _Server(uvicorn.Server):
    """Leaves the signals to the bot."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(
    config: WebConfig,
    sources: AppState,
    stopping: asyncio.Event,
    drain_seconds: float,
    tell: Callable[[str], None],
    secrets: WebSecrets = NO_SECRETS,
) -> None:
    """Answer until `stopping` is set: then take no more, finish what is under way within `drain_seconds`, and close.

    `tell` is given one line when dann is there. Raises DannError, one line, where the address cannot be had.
    """
    models = Models(sources)
    app = guarded(application(sources, models), config, secrets)
    with open_socket(config) as listener, Redaction(secrets.api_key), Redaction(secrets.web_password):
        tell(f"web: {url_of(config)} is the page; /v1 is OpenAI's API; /healthz, /readyz and /metrics are there too")
        try:
            await _serve(_server(app, config, drain_seconds), listener, stopping)
        finally:
            await models.close()


def _server(app: ASGIApp, web: WebConfig, drain_seconds: float) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=with_timeouts(web.head_seconds),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # below that it tells of every request that is none
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
    return _Server(config)


async def _serve(server: uvicorn.Server, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Whatever uvicorn ends of, the platforms go on."""
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    except Exception:
        log.exception("HTTP has ended")
    finally:
        told.cancel()
