"""Rate limits per client, and limits of answers drawn at once, per client and in all.

The page's document and files are not counted, or a few quick reloads would leave a blank page: with a password set, only
wrong guesses at them are. Not slowapi: it limits routes, with a storage behind them; these limits come before
authentication, and take 20 lines.
"""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.config import WebConfig
from bot.web.http.client_address import ClientAddresses
from bot.web.http.paths import draws_a_reply, loads_the_page
from bot.web.http.refusal import refuse

CHEAP = 10
"""Requests that draw no reply may come this many times as often."""
STREAM_SECONDS = 1.0
"""Retry-After where too many replies are in flight: about as long as one takes."""
DRAWING = "dann.drawing"
"""The key in a request's scope under which its Drawing stands."""
MAX_CLIENTS = 10_000
"""Clients with a bucket; the one that has been quiet longest is dropped, and starts with a full bucket next time."""


class TokenBuckets:
    """A token bucket per client: `burst` requests at once, `per_minute` in the long run. Belongs to the event loop."""

    def __init__(
        self, per_minute: float, burst: int, max_clients: int = MAX_CLIENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._max_clients = max_clients
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """The seconds until there is a token; 0 where there is one."""
        left = self._left(client, self._clock())
        return 0.0 if left >= 1 else (1 - left) / self._rate

    def take(self, client: str) -> float:
        """Take a token and return 0, or take none and return the seconds until there is one."""
        now, wait = self._clock(), self.wait(client)
        left = self._left(client, now)
        self._buckets.pop(client, None)
        self._buckets[client] = (left if wait else left - 1, now)
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        return wait

    def _left(self, client: str, now: float) -> float:
        left, since = self._buckets.get(client, (self._burst, now))
        return min(self._burst, left + (now - since) * self._rate)

    def __len__(self) -> int:
        """How many clients have a bucket."""
        return len(self._buckets)


class Answers:
    """Counts the answers in progress, by client. Belongs to the event loop."""

    def __init__(self, config: WebConfig) -> None:
        self._config = config
        self._in_progress = Counter[str]()

    def take(self, client: str, count: int, mine: int = 0) -> str:
        """Count `count` more, for a request that has `mine` of them already; return why they do not fit, "" where they do.

        A request for more than a limit fits where nothing else is in progress: it was always possible.
        """
        of_client, in_all = self._in_progress[client] - mine, self._in_progress.total() - mine
        wanted = mine + count
        asks = f"; this request asks for {wanted:,}" if wanted > 1 else ""
        if of_client and of_client + wanted > (most := self._config.streams):
            return f"Too many of your answers are in progress: {most:,} at once are allowed{asks}."
        if in_all and in_all + wanted > (most := self._config.streams_in_all):
            return f"Too many answers are in progress: {most:,} at once are allowed{asks}."
        self._in_progress[client] += count
        return ""

    def drop(self, client: str, count: int) -> None:
        """Count some less."""
        self._in_progress -= Counter({client: count})  # also drops a client at 0


class Drawing:
    """The answers of one request: one from its beginning, and others once its body has been read."""

    def __init__(self, answers: Answers, client: str) -> None:
        self._answers, self._client = answers, client
        self._count = 0

    def ask_for(self, count: int) -> str:
        """Count so many answers in all; return why they do not fit, "" where they do."""
        refusal = self._answers.take(self._client, count - self._count, self._count)
        self._count = self._count if refusal else count
        return refusal

    def end(self) -> None:
        """Count none any more."""
        self._answers.drop(self._client, self._count)
        self._count = 0


class RateLimits:
    """Refuse requests over a limit with 429 and Retry-After; pass the others on to `app`."""

    def __init__(self, app: ASGIApp, config: WebConfig, clients: ClientAddresses) -> None:
        self._app = app
        self._clients = clients
        self._drawing = TokenBuckets(config.requests_per_minute, config.burst)
        self._cheap = TokenBuckets(config.requests_per_minute * CHEAP, config.burst * CHEAP)
        self._guesses = TokenBuckets(config.requests_per_minute * CHEAP, config.burst * CHEAP)
        self._answers = Answers(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        client = self._clients.name(scope)
        if loads_the_page(scope):
            await self._load(client, scope, receive, send)
        elif not draws_a_reply(scope):
            if wait := self._cheap.take(client):
                await _refuse(send, wait, "You ask too often.")
            else:
                await self._app(scope, receive, send)
        elif wait := self._drawing.take(client):
            await _refuse(send, wait, "You ask too often.")
        else:
            drawing = Drawing(self._answers, client)
            if refusal := drawing.ask_for(1):
                await _refuse(send, STREAM_SECONDS, refusal)
                return
            scope[DRAWING] = drawing
            try:
                await self._app(scope, receive, send)
            finally:
                drawing.end()

    async def _load(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a file of the page without counting it; count a wrong password, so that nobody guesses it quickly."""

        async def counted(message: Message) -> None:
            if message.get("status") == HTTPStatus.UNAUTHORIZED:
                self._guesses.take(client)
            await send(message)

        if wait := self._guesses.wait(client):
            await _refuse(send, wait, "You ask too often.")
        else:
            await self._app(scope, receive, counted)


async def _refuse(send: Send, wait: float, message: str) -> None:
    seconds = str(max(1, math.ceil(wait)))
    headers = [(b"retry-after", seconds.encode())]
    await refuse(send, 429, f"{message} Try again in {seconds} s.", "rate_limit_exceeded", headers)
