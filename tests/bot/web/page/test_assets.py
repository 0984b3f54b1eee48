"""The page's files: content types, compression, browser caching, and dann's name in them."""

import asyncio
import gzip
import re
from html.parser import HTMLParser

import pytest

from bot.config import BotSettings, PersonaConfig
from bot.web.http.security_headers import THEME_SCRIPT
from bot.web.http.static_files import FILES, FOR_GOOD, bundled
from tests.bot.web.web_harness import FakeBot, serve_http

KINDS = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
CLIENT = FILES.parent / "client"
HOSTILE = "</title><script>alert('dann')</script>\"&"


class PageParser(HTMLParser):
    """Collects what the Content-Security-Policy refuses, which allows one script within the page, and what the page loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page.replace(f"<script>{THEME_SCRIPT}</script>", ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if not (tag == "span" and list(given) == ["class"]):  # the wordmark has one for each letter
            self.tags.append(tag)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.refused.append(tag)
        self.refused += [name for name in given if name == "style" or name.startswith("on")]
        self.loaded += [given[name] or "" for name in ("src", "href") if name in given and tag != "a"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_and_all_that_it_loads_are_there() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            page = await web.client.get("/")
            assert (page.status_code, page.headers["content-type"]) == (200, KINDS["html"])
            found = PageParser(page.text)
            assert found.refused == []
            assert sorted(path.rpartition(".")[2] for path in found.loaded) == ["css", "js", "svg"]
            for path in found.loaded:
                answer = await web.client.get(path)
                assert answer.status_code == 200, path
                assert answer.headers["content-type"] == KINDS.get(path.rpartition(".")[2], "image/svg+xml")
                assert answer.headers["cache-control"] == FOR_GOOD
                assert answer.content == (FILES / path.rpartition("/")[2]).read_bytes()

    asyncio.run(play())


def test_the_greeting_is_in_the_document() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            text = PageParser((await web.client.get("/")).text).text
            assert "A small network that learned how one person posts." in text
            assert "what are you up to" in text

    asyncio.run(play())


def test_nothing_writes_markup_or_asks_another_host() -> None:
    for path in (*FILES.iterdir(), *CLIENT.rglob("*.js"), *CLIENT.rglob("*.css")):
        if "node_modules" in path.parts:
            continue
        text = path.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"):
            assert way not in text, path
        assert (
            re.findall(r"(?:https?:)?//[a-z][a-z0-9.-]*\.[a-z]{2,}", text.replace("http://www.w3.org/2000/svg", ""))
            == []
        )


def test_only_what_is_there_is_handed_out() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            for path in (
                "/static/",
                "/static/index.html",
                "/static/page.py",
                "/static/..%2fpage.py",
                "/static/%00",
                "/static/a/b",
            ):
                assert (await web.client.get(path)).status_code == 404, path
            assert (await web.client.post("/")).status_code == 405
            head = await web.client.head(f"/static/{bundled()['app.js']}")
            assert (head.status_code, head.content) == (200, b"")

    asyncio.run(play())


def test_who_has_a_file_is_not_sent_it_again() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            for path in ("/", "/static/app.js"):
                first = await web.client.get(path)
                assert first.headers["cache-control"] == "no-cache"
                tag = first.headers["etag"]
                for asked in (tag, f'"other", {tag}', f"W/{tag}"):
                    again = await web.client.get(path, headers={"If-None-Match": asked})
                    assert (again.status_code, again.content) == (304, b"")
                    assert again.headers["etag"] == tag
                assert (await web.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200

    asyncio.run(play())


@pytest.mark.parametrize(
    ("accepted", "packed"), [("gzip, br", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0", False), ("", False)]
)
def test_it_is_packed_for_who_can_unpack_it(accepted: str, packed: bool) -> None:
    async def play() -> None:
        async with (
            serve_http(FakeBot().state()) as web,
            web.client.stream("GET", "/static/app.css", headers={"Accept-Encoding": accepted}) as answer,
        ):
            raw = b"".join([part async for part in answer.aiter_raw()])
            assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
            assert answer.headers["vary"] == "Accept-Encoding"
            assert (gzip.decompress(raw) if packed else raw) == (FILES / bundled()["app.css"]).read_bytes()

    asyncio.run(play())


def test_the_persona_is_named_and_no_name_becomes_markup() -> None:
    async def play(name: str) -> str:
        async with serve_http(FakeBot(settings=BotSettings(persona=PersonaConfig(name=name[:32]))).state()) as web:
            return (await web.client.get("/")).text

    page = asyncio.run(play("ana"))
    assert "<title>ana</title>" in page
    assert re.findall(r"\$\w", page) == []
    for hostile in (HOSTILE, '"><img src=x onerror=a()>', "$dials"):
        found, plain = PageParser(asyncio.run(play(hostile))), PageParser(page)
        assert (found.tags, found.loaded, found.refused) == (plain.tags, plain.loaded, [])
        assert hostile[:32] in found.text
