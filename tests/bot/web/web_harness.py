"""The real HTTP server on a free port, with a fake state of the bot behind it, and a client."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bot.config import BotSettings, WebConfig
from bot.replies.stats import ReplyStats
from bot.serving.store_counts import StoreCounts
from bot.web.http.auth import NO_SECRETS, WebSecrets
from bot.web.server import run
from bot.web.state import AppState
from model.engine.engine import Engine
from training.store.retrain_outcome import RetrainProgress

UNLIMITED = WebConfig(requests_per_minute=1e6, burst=100_000, streams=1000, streams_in_all=1000)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def samples(text: str) -> Samples:
    """Every value of a metrics page, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


@dataclass
class FakeBot:
    """The bot's state as the server reads it; fields may be set at any time. Metrics wait for `counted`."""

    settings: BotSettings = field(default_factory=BotSettings)
    why_not: Callable[[], str] = lambda: ""
    stats: ReplyStats = field(default_factory=ReplyStats)
    engine: Engine | None = None
    store: Callable[[], StoreCounts | None] = lambda: None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    counted: asyncio.Event = field(default_factory=asyncio.Event)
    reloads: Mapping[str, int] = field(default_factory=dict)
    retraining: RetrainProgress | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    is_paused: bool = False
    reported: list[str] | None = None

    def __post_init__(self) -> None:
        self.counted.set()

    async def store_counts(self) -> StoreCounts | None:
        self.asked.set()
        await self.counted.wait()
        return self.store()

    def state(self) -> AppState:
        return AppState(
            settings=self.settings,
            why_not=self.why_not,
            stats=self.stats,
            engine=lambda: self.engine,
            store_counts=self.store_counts,
            reloads=lambda: self.reloads,
            retraining=lambda: self.retraining,
            stopping=self.stopping,
            paused=lambda: self.is_paused,
            report=lambda: None if self.reported is None else self.report,
        )

    async def report(self, text: str) -> None:
        assert self.reported is not None
        self.reported.append(text)


@dataclass
class Web:
    """The server and a client. `stop` asks it to stop; `over` is done when it has; `told` are its lines."""

    client: httpx.AsyncClient
    port: int
    told: list[str]
    stop: asyncio.Event
    over: asyncio.Task[None]

    async def samples(self) -> Samples:
        page = await self.client.get("/metrics")
        assert page.status_code == 200
        return samples(page.text)


@contextlib.asynccontextmanager
async def serve_http(
    state: AppState,
    *,
    drain_seconds: float = 60.0,
    config: WebConfig | None = None,
    secrets: WebSecrets = NO_SECRETS,
    patience: float | None = 300,
) -> AsyncIterator[Web]:
    """Run the server on a free port until the block ends, in `patience` seconds; without `config` it has no limits."""
    port, told, stop = free_port(), list[str](), state.stopping
    config = (config or UNLIMITED).model_copy(update={"port": port})
    over = asyncio.create_task(run(config, state, stop, drain_seconds, told.append, secrets))
    address = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(patience), httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:
        while not told and not over.done():
            await asyncio.sleep(0)
        try:
            yield Web(client, port, told, stop, over)
        finally:
            stop.set()
            await over
