"""`/api/events`: its events, its limits, and that endless streams hold up nobody."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bot.web.page import events
from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.small_networks import parrot, snapshot
from training.store.retrain_outcome import RetrainProgress


class Listener:
    """A client that reads the events one by one and counts comments."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments = 0
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, Any] | None:
        """The next event; None at the end of the stream."""
        async for line in self._lines:
            if line.startswith("data: "):
                event: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return event
            self.comments += line.startswith(":")
        return None


@contextlib.asynccontextmanager
async def listening(web: Web) -> AsyncIterator[Listener]:
    async with web.client.stream("GET", "/api/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Listener(answer)


@pytest.fixture(autouse=True)
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.02)


def test_a_reload_is_told_to_all_who_listen() -> None:
    async def play() -> None:
        fake_bot = FakeBot(engine=Engine(snapshot(id_="one")))
        async with serve_http(fake_bot.state()) as web, listening(web) as first, listening(web) as second:
            fake_bot.engine = Engine(snapshot(id_="two"))
            assert await first.next() == await second.next() == {"type": "checkpoint", "id": "two"}
            fake_bot.engine = Engine(snapshot(id_="three"))
            assert await first.next() == await second.next() == {"type": "checkpoint", "id": "three"}

    asyncio.run(play())


def test_an_engine_that_takes_over_another_checkpoint_is_told_of() -> None:
    async def play() -> None:
        async with Engine(parrot("hey lol")) as engine:
            await engine.ready()
            async with serve_http(FakeBot(engine=engine).state()) as web, listening(web) as listener:
                await engine.swap(parrot("the loss"))
                assert await listener.next() == {"type": "checkpoint", "id": "the loss"}

    asyncio.run(play())


def test_a_retraining_is_told_from_where_it_is_until_it_is_over() -> None:
    async def play() -> None:
        fake_bot = FakeBot(retraining=RetrainProgress("learning", 0.25, None, run=7))
        async with serve_http(fake_bot.state()) as web, listening(web) as listener:
            learning = {"type": "retraining", "part": "learning", "val_bpb": None}
            assert await listener.next() == learning | {"share": 0.25}
            fake_bot.retraining = RetrainProgress("learning", 0.5, 1.9, run=7)
            assert await listener.next() == learning | {"share": 0.5, "val_bpb": 1.9}
            async with listening(web) as late:
                assert await late.next() == learning | {"share": 0.5, "val_bpb": 1.9}
            fake_bot.retraining = None
            assert await listener.next() == {"type": "retraining", "part": None}

    asyncio.run(play())


def test_a_pause_and_whether_owners_can_be_told_are_told_where_they_are_not_as_usual() -> None:
    async def play() -> None:
        fake_bot = FakeBot()
        async with serve_http(fake_bot.state()) as web, listening(web) as listener:
            fake_bot.is_paused = True
            assert await listener.next() == {"type": "status", "paused": True, "report": False}
            fake_bot.is_paused, fake_bot.reported = False, []
            told = {"type": "status", "paused": False, "report": True}
            assert await listener.next() == told
            async with listening(web) as late:
                assert await late.next() == told

    asyncio.run(play())


def test_comments_keep_it_open_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)

    async def play() -> None:
        fake_bot = FakeBot()
        async with serve_http(fake_bot.state()) as web, listening(web) as listener:
            await asyncio.sleep(0.5)
            fake_bot.retraining = RetrainProgress("reading")
            assert await listener.next() == {"type": "retraining", "part": "reading", "share": 0.0, "val_bpb": None}
            assert listener.comments > 2

    asyncio.run(play())


def test_streams_end_at_once_when_dann_stops() -> None:
    """They do not wait for the time that replies are given to end, which is longer than a test may take."""

    async def play() -> None:
        async with serve_http(FakeBot().state(), drain_seconds=3600) as web, contextlib.AsyncExitStack() as open_:
            listeners = [await open_.enter_async_context(listening(web)) for _ in range(20)]
            web.stop.set()
            assert [await listener.next() for listener in listeners] == [None] * 20
            await web.over

    asyncio.run(play())


def test_more_than_may_listen_are_refused_and_who_leaves_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_LISTENERS", 2)

    async def play() -> None:
        fake_bot = FakeBot()
        async with serve_http(fake_bot.state()) as web, listening(web) as first:
            async with listening(web):
                assert (await web.client.get("/api/events")).status_code == 503
            while (await asyncio.wait_for(_status(web), 30)) == 503:
                await asyncio.sleep(0.01)
            fake_bot.retraining = RetrainProgress("reading")
            told = await first.next()
            assert told is not None
            assert told["part"] == "reading"

    asyncio.run(play())


async def _status(web: Web) -> int:
    """The status that a new listener gets, who leaves at once."""
    async with web.client.stream("GET", "/api/events") as answer:
        return answer.status_code


def test_nobody_looks_when_nobody_listens() -> None:
    """One poll serves all listeners, and stops when the last one leaves."""

    async def play() -> None:
        looks, sources = 0, FakeBot().state()

        def engine() -> None:
            nonlocal looks
            looks += 1

        counted = events.LiveEvents(replace(sources, engine=engine))
        for _ in range(50):
            counted.enter()
        await asyncio.sleep(0.2)
        assert 2 <= looks <= 12
        for _ in range(50):
            counted.leave()
        seen = looks
        await asyncio.sleep(0.1)
        assert looks == seen

    asyncio.run(play())


def test_a_client_that_goes_away_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = asyncio.Event()
    leave = events.LiveEvents.leave

    def left(listener: events.LiveEvents) -> None:
        leave(listener)
        gone.set()

    monkeypatch.setattr(events.LiveEvents, "leave", left)

    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b": dann\n\n")).startswith(b"HTTP/1.1 200 ")
            assert not gone.is_set()
            writer.transport.abort()
            await asyncio.wait_for(gone.wait(), 30)

    asyncio.run(play())
