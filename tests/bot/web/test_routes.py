"""Routes, unknown paths, the listening socket, and how the server stops."""

import asyncio
import logging
import signal
import socket

import httpx
import pytest

from bot.config import WebConfig
from bot.serving.status import NOT_COMPILED, NOT_LOADED, QUEUE_FULL, ServeStatus
from bot.web.checks import check_page, check_web
from bot.web.http.auth import WebSecrets
from bot.web.http.listen import open_socket, url_of
from bot.web.server import run
from model.engine.engine import Engine
from model.errors import DannError
from tests.bot.replies.responder_harness import broken
from tests.bot.web.web_harness import FakeBot, free_port, serve_http
from tests.model.engine.test_stream import held_up
from tests.model.small_networks import GREEDY, parrot

ADDRESSES = ["/", "/healthz", "/readyz", "/metrics"]


def test_it_is_alive_before_it_is_ready_and_says_what_it_waits_for() -> None:
    async def play() -> None:
        standing = ServeStatus()
        async with serve_http(FakeBot(why_not=standing.why_not).state()) as web:
            (line,) = web.told
            assert line.startswith(f"web: http://127.0.0.1:{web.port}/ is the page; ")
            for reason in (NOT_LOADED, NOT_COMPILED):
                standing.waits_for = reason
                assert (await web.client.get("/healthz")).json() == {"dann": "alive"}
                ready = await web.client.get("/readyz")
                assert (ready.status_code, ready.json()) == (503, {"ready": False, "reason": reason})
            async with Engine(parrot("hey lol")) as engine:
                await engine.ready()
                standing.engine = engine
                ready = await web.client.get("/readyz")
                assert (ready.status_code, ready.json()) == (200, {"ready": True})

    asyncio.run(play())


def test_it_is_not_ready_while_the_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with Engine(parrot("hey lol"), slots=1, waiting=2) as engine:
            await engine.ready()
            async with serve_http(FakeBot(why_not=ServeStatus(engine=engine).why_not).state()) as web:
                with held_up(monkeypatch):
                    streams = [engine.submit([], GREEDY, number) for number in range(3)]
                    ready = await web.client.get("/readyz")
                    assert (ready.status_code, ready.json()["reason"]) == (503, QUEUE_FULL)
                    assert (await web.client.get("/healthz")).status_code == 200
                for stream in streams:
                    await stream.completion()
                assert (await web.client.get("/readyz")).status_code == 200

    asyncio.run(play())


def test_only_reading_is_allowed_and_only_what_is_there() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            for address in ADDRESSES:
                plain = {"Accept-Encoding": "identity"}
                whole, head = [await web.client.request(how, address, headers=plain) for how in ("GET", "HEAD")]
                assert whole.status_code == head.status_code == 200
                assert whole.content
                assert head.content == b""
                assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
                assert whole.headers["cache-control"] in {"no-store", "no-cache"}
                assert "server" not in whole.headers
                for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
                    refused = await web.client.request(method, address)
                    assert (refused.status_code, refused.json()["error"]["message"]) == (405, "Method Not Allowed")
            for missing in (
                "/redoc",
                "/healthz/",
                "/metrics/x",
                "/%2e%2e/config.toml",
                "/%00",
            ):
                answer = await web.client.get(missing)
                assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Not Found")

    asyncio.run(play())


def test_a_bug_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with serve_http(FakeBot(why_not=broken).state()) as web:
            answer = await web.client.get("/readyz")
            assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
            assert "fire" not in answer.text
            assert (await web.client.get("/healthz")).status_code == 200

    with caplog.at_level(logging.ERROR):
        asyncio.run(play())
    assert "the engine is on fire" in caplog.text


def test_what_is_no_http_is_dropped_without_a_line(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            for garbage in (
                b"\x16\x03\x01\x02\x00\x01",
                b"GET / HTTP/1.1\r\n" + b"x" * 100_000,
                b"\r\n\r\n\x00\xff\r\n\r\n",
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
                writer.write(garbage + b"\r\n\r\n")
                assert (await reader.read()).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
                writer.close()
            assert (await web.client.get("/healthz")).status_code == 200

    asyncio.run(play())
    assert caplog.text == ""


def test_the_signals_stay_the_bots() -> None:
    async def play() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with serve_http(FakeBot().state()) as web:
            await web.client.get("/healthz")
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before

    asyncio.run(play())


def test_stopping_finishes_what_is_under_way_and_waits_for_nobody_else() -> None:
    """One connection is idle, one has sent half a request, one waits for its response and gets it."""

    async def play() -> None:
        fake_bot = FakeBot()
        async with serve_http(fake_bot.state()) as web:
            await web.client.get("/healthz")
            _, half = await asyncio.open_connection("127.0.0.1", web.port)
            half.write(b"GET /healthz HTTP/1.1\r\nHos")
            fake_bot.counted.clear()
            coming = asyncio.create_task(web.client.get("/metrics"))
            await fake_bot.asked.wait()
            web.stop.set()
            while await _accepts(web.port):
                await asyncio.sleep(0.01)
            assert not web.over.done()
            fake_bot.counted.set()
            assert (await coming).status_code == 200
            await web.over
            half.close()

    asyncio.run(play())


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


def test_stopping_gives_up_what_takes_too_long() -> None:
    async def play() -> None:
        fake_bot = FakeBot()
        async with serve_http(fake_bot.state(), drain_seconds=0) as web:
            fake_bot.counted.clear()
            coming = asyncio.create_task(web.client.get("/metrics"))
            await fake_bot.asked.wait()
            web.stop.set()
            await web.over
            (result,) = await asyncio.gather(coming, return_exceptions=True)
            assert isinstance(result, httpx.HTTPError) or (
                isinstance(result, httpx.Response) and result.is_server_error
            )

    asyncio.run(play())


@pytest.mark.parametrize(("key", "password", "locked"), [("k", "", True), ("k", "p", False), ("", "p", False)])
def test_it_says_that_a_key_alone_locks_the_page(key: str, password: str, *, locked: bool) -> None:
    secrets = WebSecrets(key, password)

    async def play() -> None:
        async with serve_http(FakeBot().state(), secrets=secrets) as web:
            lines = [line for line in web.told if "DANN_WEB_PASSWORD" in line]
            assert len(lines) == locked

    asyncio.run(play())
    findings = [(finding.what, finding.trouble) for finding in check_page(WebConfig(), secrets)]
    assert findings == ([("page", False)] if locked else [])
    assert list(check_page(WebConfig(port=0), secrets)) == []


def test_a_taken_port_is_one_line_that_says_what_to_do() -> None:
    async def play() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(DannError) as caught:
                await run(WebConfig(port=port), FakeBot().state(), asyncio.Event(), 5.0, pytest.fail)
        assert str(caught.value) == (
            f"web: 127.0.0.1:{port} is taken by another program; choose another bot.web.port, or 0 for no HTTP"
        )

    asyncio.run(play())


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host", "x" * 100, "::1%nowhere", "."])
def test_a_host_that_cannot_be_had_is_one_line(host: str) -> None:
    config = WebConfig(host=host, port=free_port())
    with pytest.raises(DannError, match=r"^web: .* cannot be listened on \(.+\); bot\.web\.host must be") as caught:
        open_socket(config)
    assert "\n" not in str(caught.value)
    finding = asyncio.run(check_web(config))
    assert finding.trouble
    assert f"web: {finding.seen}; {finding.advice}" == str(caught.value)


def test_an_address_of_ipv6() -> None:
    config = WebConfig(host="::1", port=8000)
    assert url_of(config) == "http://[::1]:8000/"
    if socket.has_ipv6:
        open_socket(WebConfig(host="::1", port=0)).close()


def test_what_is_sent_is_sent_at_once() -> None:
    """Without TCP_NODELAY a response in two parts, or a stream, waits 40 ms for the client's ACK."""

    async def play() -> None:
        delays: asyncio.Queue[int] = asyncio.Queue()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            delays.put_nowait(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = open_socket(WebConfig(port=0))
        async with await asyncio.start_server(connected, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            assert await delays.get() == 1
            writer.close()

    asyncio.run(play())


def test_the_doctor_tells_a_free_port_from_a_taken_one_and_from_a_dann() -> None:
    async def play() -> None:
        assert (await check_web(WebConfig(port=0))).seen == "off, by bot.web.port = 0"
        free = await check_web(WebConfig(port=free_port()))
        assert (free.trouble, free.advice) == (False, "")
        async with serve_http(FakeBot().state()) as web:
            ours = await check_web(WebConfig(port=web.port))
            assert (ours.trouble, ours.seen) == (False, f"dann serves at http://127.0.0.1:{web.port}/ already")

        async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()

        async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            taken = await check_web(WebConfig(port=port))
            assert taken.trouble
            assert taken.seen == f"127.0.0.1:{port} is taken by another program"
            assert taken.advice == "choose another bot.web.port, or 0 for no HTTP"

    asyncio.run(play())
