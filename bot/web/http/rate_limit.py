"""How much one client may ask, and all together: requests by the minute, and answers under way at once."""

import math
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.config import WebConfig
from bot.web.http.buckets import TokenBuckets
from bot.web.http.client_address import ClientAddresses
from bot.web.http.paths import draws_a_reply
from bot.web.http.refusal import refusal, refuse

CHEAP = 10
"""What draws nothing may be asked so many times as often."""
STREAM_SECONDS = 1.0
"""When to try again where too many answers are under way: they take about so long."""


class RateLimits:
    """Refuses with 429 and Retry-After what is too much; `app` gets the rest."""

    def __init__(self, app: ASGIApp, config: WebConfig, clients: ClientAddresses) -> None:
        self._app = app
        self._config = config
        self._clients = clients
        self._drawing = TokenBuckets(config.requests_per_minute, config.burst)
        self._cheap = TokenBuckets(config.requests_per_minute * CHEAP, config.burst * CHEAP)
        self._under_way = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        client = self._clients.name(scope)
        if not draws_a_reply(scope):
            if wait := self._cheap.take(client):
                await _too_much(send, wait, "You ask too often.")
            else:
                await self._app(scope, receive, send)
        elif wait := self._drawing.take(client):
            await _too_much(send, wait, "You ask too often.")
        elif self._under_way[client] >= self._config.streams:
            await _too_much(send, STREAM_SECONDS, "Too many answers of yours are under way.")
        elif self._under_way.total() >= self._config.streams_in_all:
            await _too_much(send, STREAM_SECONDS, "Too many answers are under way.")
        else:
            await self._counted(client, scope, receive, send)

    async def _counted(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._under_way[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]


async def _too_much(send: Send, wait: float, message: str) -> None:
    seconds = str(max(1, math.ceil(wait)))
    body = refusal(f"{message} Try again in {seconds} s.", "rate_limit_error", "rate_limit_exceeded")
    await refuse(send, 429, body, [(b"retry-after", seconds.encode())])
