"""The layers between the network and the routes: authentication, rate and body limits, hosts, headers."""

import asyncio
import base64
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from bot.config import Tokens, WebConfig
from bot.platforms import settings_class
from bot.retraining.supervisor import child_environment
from bot.web.http.auth import NO_SECRETS, WebSecrets
from bot.web.http.client_address import ClientAddresses
from bot.web.http.guard import guarded
from bot.web.http.rate_limit import TokenBuckets
from bot.web.http.security_headers import POLICY
from tests.bot.scripted_engine import Clock
from tests.bot.web.web_harness import FakeBot, serve_http
from training.config.load import load_settings

KEY, PASSWORD = "sk-a-long-key", "pässwort: mit Doppelpunkt"
BOTH = WebSecrets(KEY, PASSWORD)
BEARER = {"Authorization": f"Bearer {KEY}"}
PAGES = ["/", "/static/dann.js", "/docs", "/openapi.json", "/api/card"]


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class RecordingApp:
    """An app that answers with what it was sent, as soon as `held` is set."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.held.set()
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        self.under_way += 1
        try:
            await self.held.wait()
        finally:
            self.under_way -= 1
        headers = [(b"x-frame-options", b"ALLOWALL")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def wait_for(self, number: int) -> None:
        while self.under_way != number:
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def client_behind_guard(
    config: WebConfig | None = None,
    secrets: WebSecrets = NO_SECRETS,
    *,
    app: RecordingApp | None = None,
    peer: str = "127.0.0.1",
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app behind all layers, without a socket."""
    transport = httpx.ASGITransport(guarded(app or RecordingApp(), config or WebConfig(), secrets), client=(peer, 123))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        yield client


def refused(answer: httpx.Response, status: int) -> Mapping[str, Any]:
    """The error in a refusal, which must have OpenAI's form."""
    assert answer.status_code == status
    error: Mapping[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] is None
    assert answer.headers["content-security-policy"] == POLICY
    return error


def test_without_a_key_or_password_all_is_open() -> None:
    async def play() -> None:
        async with client_behind_guard() as client:
            for path in (*PAGES, "/v1/models", "/metrics"):
                assert (await client.get(path)).status_code == 200

    asyncio.run(play())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {PASSWORD}".encode()},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        basic(""),
        basic("pässwort"),
        basic(KEY),
    ],
)
def test_nobody_comes_in_with_what_is_wrong(wrong: Any) -> None:
    async def play() -> None:
        async with client_behind_guard(secrets=BOTH, peer="203.0.113.7") as client:
            for path in (*PAGES, "/v1/models", "/v1", "/api", "/metrics", "/elsewhere"):
                error = refused(await client.get(path, headers=wrong), 401)
                assert error["type"] == "authentication_error"
            for path in ("/healthz", "/readyz"):
                assert (await client.get(path, headers=wrong)).status_code == 200

    asyncio.run(play())


def test_the_key_opens_all_and_the_password_the_page() -> None:
    async def play() -> None:
        async with client_behind_guard(secrets=BOTH, peer="203.0.113.7") as client:
            for path in (*PAGES, "/metrics"):
                for known in (BEARER, {"authorization": f"bearer  {KEY} "}, basic(PASSWORD), basic(PASSWORD, "")):
                    assert (await client.get(path, headers=known)).status_code == 200
            assert (await client.get("/v1/models", headers=BEARER)).status_code == 200
            answer = await client.get("/v1/models", headers=basic(PASSWORD))
            refused(answer, 401)
            assert answer.headers["www-authenticate"] == 'Bearer realm="dann"'
            page = await client.get("/")
            assert page.headers["www-authenticate"] == 'Basic realm="dann", charset="UTF-8"'

    asyncio.run(play())


def test_a_key_alone_leaves_the_page_open_and_a_password_alone_leaves_nothing_open() -> None:
    async def play() -> None:
        async with client_behind_guard(secrets=WebSecrets(api_key=KEY)) as client:
            assert [(await client.get(path)).status_code for path in PAGES] == [200, 200, 200, 200, 401]
            assert (await client.get("/api/card", headers=BEARER)).status_code == 200
            assert "DANN_WEB_PASSWORD" in refused(await client.get("/api/card"), 401)["message"]
            assert "DANN_WEB_PASSWORD" not in refused(await client.get("/v1/models"), 401)["message"]
        async with client_behind_guard(secrets=WebSecrets(web_password=PASSWORD)) as client:
            for path in (*PAGES, "/v1/models"):
                refused(await client.get(path), 401)
                assert (await client.get(path, headers=basic(PASSWORD))).status_code == 200

    asyncio.run(play())


def test_metrics_are_for_this_machine_or_for_who_knows_a_secret() -> None:
    async def play() -> None:
        async with client_behind_guard(secrets=BOTH) as client:
            assert (await client.get("/metrics")).status_code == 200
            refused(await client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}), 401)
        config = WebConfig(proxies=("127.0.0.1",))
        async with client_behind_guard(config, BOTH) as client:
            refused(await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}), 401)
            refused(await client.get("/metrics", headers={"X-Forwarded-For": "nonsense"}), 401)

    asyncio.run(play())


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    async def play() -> None:
        config = WebConfig(requests_per_minute=6, burst=2)
        async with client_behind_guard(config) as client:
            for path in ("/v1/completions", "/api/reply"):
                assert (await client.post(path)).status_code == 200
            answer = await client.post("/v1/completions")
            error = refused(answer, 429)
            assert error["type"] == "rate_limit_error"
            assert answer.headers["retry-after"] == "10"
            for _ in range(20):
                assert (await client.get("/v1/models")).status_code == 200
            assert refused(await client.get("/docs"), 429)["code"] == "rate_limit_exceeded"

    asyncio.run(play())


def test_the_page_and_its_files_are_not_counted_however_often_they_are_loaded() -> None:
    async def play() -> None:
        async with client_behind_guard(WebConfig()) as client:
            for _ in range(200):
                loaded = [await client.get(path) for path in ("/", "/static/app.js", "/static/app.css", "/api/events")]
                assert [answer.status_code for answer in loaded] == [200] * 4
            assert (await client.post("/")).status_code == 200  # and this one is

    asyncio.run(play())


def test_guesses_of_the_password_at_the_page_count() -> None:
    async def play() -> None:
        async with client_behind_guard(WebConfig(requests_per_minute=6, burst=2), BOTH) as client:
            codes = [(await client.get("/", headers=basic("guess"))).status_code for _ in range(21)]
            assert codes == [401] * 20 + [429]
            assert (await client.get("/static/app.js", headers=basic(PASSWORD))).status_code == 429
        async with client_behind_guard(WebConfig(requests_per_minute=6, burst=2), BOTH) as client:
            codes = [(await client.get("/", headers=basic(PASSWORD))).status_code for _ in range(50)]
            assert codes == [200] * 50

    asyncio.run(play())


def test_guesses_of_a_key_count() -> None:
    async def play() -> None:
        async with client_behind_guard(WebConfig(requests_per_minute=6, burst=2), BOTH) as client:
            codes = [(await client.post("/v1/completions")).status_code for _ in range(3)]
            assert codes == [401, 401, 429]

    asyncio.run(play())


def test_a_client_has_so_many_answers_under_way_and_all_so_many_together() -> None:
    async def play() -> None:
        config = WebConfig(streams=1, streams_in_all=2, proxies=("127.0.0.1",))
        app = RecordingApp()
        app.held.clear()
        async with client_behind_guard(config, app=app) as client, asyncio.TaskGroup() as group:
            ask = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(3)]
            one = group.create_task(client.post("/v1/completions", headers=ask[0]))
            await app.wait_for(1)
            mine = await client.post("/api/reply", headers=ask[0])
            assert "of your answers" in refused(mine, 429)["message"]
            assert mine.headers["retry-after"] == "1"
            two = group.create_task(client.post("/v1/completions", headers=ask[1]))
            await app.wait_for(2)
            assert "Too many answers are" in refused(await client.post("/api/reply", headers=ask[2]), 429)["message"]
            app.held.set()
            assert (await one).status_code == (await two).status_code == 200
            for headers in ask:
                assert (await client.post("/api/reply", headers=headers)).status_code == 200

    asyncio.run(play())


def test_a_bucket_fills_again_and_only_so_many_are_kept() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, 2, max_clients=3, clock=clock)
    assert [buckets.take("sam") for _ in range(3)] == [0, 0, 1]
    clock.now += 0.5
    assert buckets.take("sam") == 0.5
    assert buckets.take("alex") == 0
    clock.now += 100
    assert [buckets.take("sam") for _ in range(3)] == [0, 0, 1]
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets) == 3


def scope(peer: str, *forwarded: str) -> Scope:
    return {"client": (peer, 1), "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded]}


@pytest.mark.parametrize(
    ("peer", "forwarded", "name"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["192.0.2.1"], "203.0.113.7"),  # no proxy of ours: a lie costs nothing
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),  # the left is what the client says of itself
        ("10.0.0.1", ["6.6.6.6, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6", "192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["[2001:db8:1:2:3::4]:80"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
    ],
)
def test_who_a_client_is(peer: str, forwarded: list[str], name: str) -> None:
    assert ClientAddresses(["10.0.0.0/8"]).name(scope(peer, *forwarded)) == name


def test_a_body_may_be_so_long_however_it_comes() -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 512):
            yield b"x" * 512

    async def play() -> None:
        async with client_behind_guard(WebConfig(longest_body=2048)) as client:
            for path in ("/v1/completions", "/"):
                whole = await client.post(path, content=b"x" * 2048)
                assert whole.content == b"x" * 2048
                assert (await client.post(path, content=chunks(2048))).content == b"x" * 2048
                for content in (b"x" * 2049, b"x" * 10_000_000, chunks(2560), chunks(10_000_000)):
                    assert refused(await client.post(path, content=content), 413)["code"] == "request_too_large"

    asyncio.run(play())


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "", "9" * 400, "1_0"])
def test_a_length_that_is_nonsense_is_refused(length: str) -> None:
    async def play() -> None:
        async with client_behind_guard() as client:
            refused(await client.post("/v1/completions", headers={"Content-Length": length}, content=b"x"), 400)

    asyncio.run(play())


def test_every_answer_tells_a_browser_what_it_may_do() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            answers = [await web.client.get(path) for path in ("/", "/nowhere", "/healthz")]
            answers.append(await web.client.post("/", content=b"x" * 300_000))
            reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(b"\x16\x03\x01 no http\r\n\r\n")
            garbage = (await reader.read()).decode()
            writer.close()
        assert [answer.status_code for answer in answers] == [200, 404, 200, 413]
        for answer in answers:
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert garbage.startswith("HTTP/1.1 400 ")
        assert POLICY in garbage
        async with client_behind_guard() as client:  # an app's own word does not count
            assert (await client.get("/")).headers.get_list("x-frame-options") == ["DENY"]

    asyncio.run(play())


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def test_other_sites_are_kept_out_unless_they_are_listed_and_then_only_from_v1() -> None:
    site = {"Origin": "https://friend.example"}

    async def play() -> None:
        async with client_behind_guard() as client:
            assert "access-control-allow-origin" not in (await client.get("/v1/models", headers=site)).headers
        async with client_behind_guard(
            WebConfig(allow_origins=("https://friend.example",)), WebSecrets(api_key=KEY)
        ) as client:
            before = await client.options("/v1/completions", headers=site | PREFLIGHT)
            assert before.status_code == 200
            assert before.headers["access-control-allow-origin"] == "https://friend.example"
            assert "Authorization" in before.headers["access-control-allow-headers"]
            assert "access-control-allow-credentials" not in before.headers
            for headers in (site, site | BEARER):  # a refusal can be read too
                answer = await client.get("/v1/models", headers=headers)
                assert answer.headers["access-control-allow-origin"] == "https://friend.example"
            for path, origin in (("/api/card", site), ("/v1/models", {"Origin": "https://foe.example"})):
                answer = await client.get(path, headers=origin | BEARER)
                assert "access-control-allow-origin" not in answer.headers

    asyncio.run(play())


@pytest.mark.parametrize(
    ("config", "host", "status"),
    [
        ({}, "localhost:8000", 200),
        ({}, "LOCALHOST.", 200),
        ({}, "127.0.0.1", 200),
        ({}, "127.9.9.9:1", 200),
        ({}, "[::1]:8000", 200),
        ({}, "evil.example", 421),
        ({}, "localhost.evil.example", 421),
        ({}, "127.0.0.1.evil.example", 421),
        ({}, "192.168.1.1", 421),
        ({}, "", 421),
        ({"hosts": ("dann.example",)}, "Dann.example:443", 200),
        ({"host": "localhost"}, "evil.example", 421),
        ({"host": "::1"}, "evil.example", 421),
        ({"host": "0.0.0.0"}, "anything.example", 200),
        ({"host": "0.0.0.0", "hosts": ("localhost",)}, "localhost:8000", 200),
        ({"host": "0.0.0.0", "hosts": ("localhost",)}, "127.0.0.1:8000", 200),
        ({"host": "0.0.0.0", "hosts": ("localhost",)}, "evil.example", 421),
    ],
)
def test_a_name_that_somebody_else_gave_this_machine_is_refused(config: dict[str, Any], host: str, status: int) -> None:
    async def play() -> None:
        async with client_behind_guard(WebConfig(**config)) as client:
            assert (await client.get("/", headers={"Host": host})).status_code == status

    asyncio.run(play())


@pytest.mark.parametrize(
    "wrong",
    [{"proxies": ["here"]}, {"proxies": ["10.0.0.0/99"]}, {"allow_origins": ["*"]}, {"allow_origins": ["friend.example"]},
     {"hosts": ["http://dann.example"]}, {"requests_per_minute": 0}, {"head_seconds": 0}, {"burst": 0}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebConfig(**wrong)


@pytest.fixture
def secrets_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANN_API_KEY", f" {KEY} ")
    monkeypatch.setenv("DANN_WEB_PASSWORD", PASSWORD)


@pytest.mark.usefixtures("secrets_set")
def test_the_secrets_are_read_from_the_environment_and_are_no_settings() -> None:
    tokens = Tokens.from_environment()
    assert (tokens.api_key, tokens.web_password) == (KEY, PASSWORD)
    settings = load_settings(settings_class(), None, [])
    for shown in (repr(tokens), repr(WebSecrets(KEY, PASSWORD)), repr(settings), str(child_environment(settings))):
        assert KEY not in shown
        assert PASSWORD not in shown


def test_the_server_asks_for_the_key_and_no_log_line_holds_it(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state(), secrets=BOTH) as web:
            refused(await web.client.get("/"), 401)
            assert (await web.client.get("/", headers=BEARER)).status_code == 200
            logging.getLogger("dann").warning("asked with %s and %s", KEY, PASSWORD)

    asyncio.run(play())
    assert KEY not in caplog.text
    assert PASSWORD not in caplog.text
    assert "asked with … and …" in caplog.text
