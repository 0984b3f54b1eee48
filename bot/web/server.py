"""The HTTP server: uvicorn on the bot's own event loop. The entry point for app.py.

The bot handles signals, decides when to stop and sets up logs; uvicorn does none of these here.
"""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from bot.config import WebConfig
from bot.process.redaction import Redaction
from bot.web.http.auth import HOW_TO_UNLOCK, NO_SECRETS, PAGE_IS_LOCKED, WebSecrets
from bot.web.http.guard import guarded
from bot.web.http.listen import open_socket, url_of
from bot.web.http.timeouts import with_timeouts
from bot.web.models import Models
from bot.web.routes import application
from bot.web.state import AppState

log = logging.getLogger("dann.web")


class _Server(uvicorn.Server):
    """uvicorn's server without signal handlers, as the bot has its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(
    config: WebConfig,
    state: AppState,
    stopping: asyncio.Event,
    drain_seconds: float,
    tell: Callable[[str], None],
    secrets: WebSecrets = NO_SECRETS,
) -> None:
    """Serve until `stopping` is set, then finish open requests within `drain_seconds` and close.

    `tell` gets one line once the server listens, and one more where the page answers nobody. Raises DannError, one line,
    where it cannot listen.
    """
    models = Models(state)
    uvicorn_config = uvicorn.Config(
        guarded(application(state, models), config, secrets),
        http=with_timeouts(config.head_seconds),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # below that it logs every connection that does not speak HTTP
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
    with open_socket(config) as listener, Redaction(secrets.api_key), Redaction(secrets.web_password):
        tell(f"web: {url_of(config)} is the page; /v1 is OpenAI's API; /healthz, /readyz and /metrics are there too")
        if secrets.locks_the_page:
            tell(f"web: {PAGE_IS_LOCKED}; {HOW_TO_UNLOCK}")
        unloading = asyncio.create_task(models.run())
        try:
            await _serve(_Server(uvicorn_config), listener, stopping)
        finally:
            unloading.cancel()
            await models.close()


async def _serve(server: uvicorn.Server, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Serve; a crash of uvicorn is logged, and the platforms go on."""
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    except Exception:
        log.exception("the HTTP server has crashed")
    finally:
        stop.cancel()
