"""How much one client may ask, and all together: requests by the minute, and answers under way at once."""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.config import WebConfig
from bot.web.http.client_address import ClientAddresses
from bot.web.http.paths import draws_a_reply
from bot.web.http.refusal import refuse

CHEAP = 10
"""What draws nothing may be asked so many times as often."""
STREAM_SECONDS = 1.0
"""When to try again where too many answers are under way: they take about so long."""


PLACES = 10_000
"""Clients that are remembered; who has not asked for longest is forgotten, and begins anew with a full bucket."""


class TokenBuckets:
    """`burst` requests at once, and `per_minute` in the long run, for every client. Belongs to the event loop."""

    def __init__(
        self, per_minute: float, burst: int, places: int = PLACES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._places = places
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token; returns 0, or after how many seconds there will be one (then none is taken)."""
        now = self._clock()
        left, since = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > self._places:
            self._left.popitem(last=False)
        return wait

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._left)


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
    headers = [(b"retry-after", seconds.encode())]
    await refuse(send, 429, f"{message} Try again in {seconds} s.", "rate_limit_exceeded", headers)
