"""Slow and idle clients: dropped after a timeout, while others are answered."""

import asyncio
import contextlib
import inspect
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import h11
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bot.config import WebConfig
from bot.web.http import timeouts
from bot.web.http.timeouts import TimeoutProtocol, with_timeouts
from tests.bot.web.web_harness import FakeBot, Web, serve_http

PATIENCE = 0.5
"""head_seconds in these tests."""
LONG = 20.0
"""Seconds that no test waits unless something is wrong."""
IDLE = 1000
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def impatient_server(**settings: float) -> AsyncIterator[Web]:
    config = WebConfig.model_validate({"head_seconds": PATIENCE, **settings})
    async with serve_http(FakeBot().state(), config=config) as web:
        yield web


@contextlib.asynccontextmanager
async def connected(web: Web) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until_dropped(connection: Connection, trickle: bytes = b"") -> bytes:
    """Send `trickle` again and again until the server closes; returns what it sent before."""
    reader, writer = connection
    said = bytearray()
    reading = asyncio.create_task(_read_all(reader, said))
    async with asyncio.timeout(LONG):
        while not reading.done():
            writer.write(trickle)
            await asyncio.wait({reading}, timeout=PATIENCE / 10)
    return bytes(said)


async def _read_all(reader: asyncio.StreamReader, said: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while heard := await reader.read(65_536):
            said += heard


@pytest.mark.parametrize(
    ("begun", "trickle"),
    [(b"", b""), (b"GET /heal", b""), (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n")],
)
def test_a_head_that_does_not_end_is_dropped_however_it_trickles(begun: bytes, trickle: bytes) -> None:
    async def play() -> None:
        async with impatient_server() as web, connected(web) as connection:
            connection[1].write(begun)
            since = time.monotonic()
            assert await until_dropped(connection, trickle) == b""
            assert time.monotonic() - since > PATIENCE * 0.9
            assert (await web.client.get("/healthz")).status_code == 200

    asyncio.run(play())


def test_a_second_head_has_no_more_time_than_the_first() -> None:
    async def play() -> None:
        async with impatient_server() as web, connected(web) as connection:
            connection[1].write(WHOLE + b"GET /heal")
            said = await until_dropped(connection, b"z")
            assert said.count(b"HTTP/1.1 200 OK") == 1

    asyncio.run(play())


def test_who_asks_again_in_time_is_answered_again() -> None:
    async def play() -> None:
        async with impatient_server() as web, connected(web) as (reader, writer):
            for _ in range(6):  # longer together than one head may take
                writer.write(WHOLE)
                assert b"200 OK" in await reader.readuntil(b'alive"}')
                await asyncio.sleep(PATIENCE / 4)
            writer.write(WHOLE * 3)
            for _ in range(3):
                assert b"200 OK" in await reader.readuntil(b'alive"}')

    asyncio.run(play())


def test_a_body_that_trickles_is_dropped(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(timeouts, "BODY_SECONDS", 2 * PATIENCE)

    async def play() -> None:
        async with impatient_server(streams=1) as web:
            async with connected(web) as connection:
                connection[1].write(POST)
                since = time.monotonic()
                assert await until_dropped(connection, b"x") == b""
                assert time.monotonic() - since > PATIENCE * 1.8
            assert (await web.client.post("/v1/completions")).status_code != 429  # its place is free again

    asyncio.run(play())
    assert caplog.text == ""


def test_an_answer_may_take_longer_than_a_head() -> None:
    async def play() -> None:
        fake_bot = FakeBot()
        fake_bot.counted.clear()
        config = WebConfig(head_seconds=PATIENCE)
        async with serve_http(fake_bot.state(), config=config) as web:
            coming = asyncio.create_task(web.client.get("/metrics"))
            await fake_bot.asked.wait()
            await asyncio.sleep(2 * PATIENCE)
            fake_bot.counted.set()
            assert (await coming).status_code == 200

    asyncio.run(play())


def test_a_body_that_is_too_long_is_refused_before_it_has_come(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with impatient_server() as web:
            async with connected(web) as connection:
                connection[1].write(POST.replace(b"100", b"10000000"))
                said = await until_dropped(connection, b"x" * 10_000)
                assert said.startswith(b"HTTP/1.1 413 ")
            whole = await web.client.post("/v1/completions", content=b"x" * 10_000_000)
            assert whole.status_code == 413
        async with impatient_server(head_seconds=5) as web:
            async with connected(web) as connection:  # garbage within a body, after the refusal
                chunk = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
                connection[1].write(POST.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked") + chunk * 2)
                await connection[0].readuntil(b"413")
                connection[1].write(b"no chunk\r\n")
                assert b"HTTP/1.1" not in await until_dropped(connection)
            assert (await web.client.get("/healthz")).status_code == 200

    asyncio.run(play())
    assert caplog.text == ""


@pytest.mark.parametrize("length", [b"-1", b"ten", b"9" * 400, b"1, 2"])
def test_a_length_that_is_nonsense_is_refused_by_the_server_too(length: bytes) -> None:
    async def play() -> None:
        async with impatient_server() as web, connected(web) as connection:
            connection[1].write(POST.replace(b"100", length))
            said = await until_dropped(connection)
            assert said.startswith(b"HTTP/1.1 400 ")
            assert b'{"error": {"message": ' in said

    asyncio.run(play())


def test_who_hangs_up_within_a_body_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with impatient_server(streams=1) as web:
            for _ in range(5):
                async with connected(web) as (_, writer):
                    writer.write(POST + b"half of it")
                    await writer.drain()
            while (await web.client.post("/v1/completions")).status_code == 429:
                await asyncio.sleep(0.01)

    asyncio.run(play())
    assert caplog.text == ""


OVERRIDDEN = ["connection_made", "data_received", "on_response_complete", "connection_lost", "send_400_response"]
ITS_OWN = ["head_seconds", "_awaited", "_timer", "_update_timer", "_next_awaited", "_drop", "_stop_timer"]
CHANGED = "uvicorn's H11Protocol has changed: read it beside bot/web/http/timeouts.py before going on with this version"


def test_uvicorns_protocol_is_the_one_that_timeouts_were_written_for() -> None:
    for name in OVERRIDDEN:
        theirs, ours = getattr(H11Protocol, name, None), getattr(TimeoutProtocol, name)
        assert theirs is not None, f"{name}: {CHANGED}"
        assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters), CHANGED
    assert sorted(OVERRIDDEN + ITS_OWN) == sorted(
        name for name in {**vars(TimeoutProtocol), **TimeoutProtocol.__annotations__} if not name.startswith("__")
    ), "list here what TimeoutProtocol overrides and adds"

    async def made() -> H11Protocol:
        return H11Protocol(uvicorn.Config(_never, log_config=None), ServerState(), {})

    protocol = asyncio.run(made())
    assert [name for name in ITS_OWN if hasattr(protocol, name)] == [], f"uvicorn uses this name too: {CHANGED}"
    assert isinstance(protocol.conn, h11.Connection), CHANGED
    assert isinstance(protocol.loop, asyncio.AbstractEventLoop), CHANGED
    assert {name: vars(protocol)[name] for name in ("cycle", "transport")} == {"cycle": None, "transport": None}, (
        CHANGED
    )
    config = uvicorn.Config(_never, http=with_timeouts(1.0), log_config=None)
    config.load()
    assert issubclass(config.http_protocol_class, TimeoutProtocol), CHANGED


async def _never(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("nothing is asked here")


def test_a_real_connection_calls_every_override(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head, its body, the answer, the next head, garbage, the end: the timer must follow each of them."""
    called: list[str] = []
    awaited: list[str | None] = []

    def recorded(name: str) -> Callable[..., Any]:
        whole = getattr(TimeoutProtocol, name)

        def method(protocol: TimeoutProtocol, *args: Any) -> Any:
            called.append(name)
            result = whole(protocol, *args)
            if name == "_next_awaited":
                awaited.append(result and result[0])
            return result

        return method

    for name in (*OVERRIDDEN, "_next_awaited"):
        monkeypatch.setattr(TimeoutProtocol, name, recorded(name))

    async def play() -> None:
        async with impatient_server(head_seconds=60) as web, connected(web) as (reader, writer):
            while awaited != ["head"]:
                await asyncio.sleep(0.01)
            writer.write(POST.replace(b"100", b"2"))
            while awaited[-1] != "body":
                await asyncio.sleep(0.01)
            writer.write(b"{}")
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            assert awaited == ["head", "body", None, "head"], CHANGED
            writer.write(b"no HTTP\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")

    asyncio.run(asyncio.wait_for(play(), LONG))
    assert set(OVERRIDDEN) <= set(called), CHANGED
    assert called[0] == "connection_made"


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow enough open files for both ends of all connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 2 * IDLE + 500
    if hard not in (-1, resource.RLIM_INFINITY) and hard < enough:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, enough), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_connections_keep_nobody_waiting() -> None:
    async def play() -> None:
        async with impatient_server(head_seconds=5) as web, contextlib.AsyncExitStack() as stack:
            idle = [await stack.enter_async_context(connected(web)) for _ in range(IDLE)]
            for _ in range(10):
                assert (await web.client.get("/healthz")).status_code == 200
            for connection in idle:  # all are until_dropped in the end
                assert await until_dropped(connection) == b""
            assert (await web.client.get("/healthz")).status_code == 200

    asyncio.run(play())
