"""The page in a real browser, on the real server with a small engine: steps and checks for its tests."""

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from bot.config import BotSettings
from model.checkpoints.checkpoint import Snapshot
from model.engine.batch import Batch
from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.small_networks import snapshot

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",  # which a container does not allow
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HERE = {"127.0.0.1", ""}
PATIENCE = 60_000  # milliseconds, on a machine that has more to do


def chromium() -> str | None:
    """The path of a browser on this machine, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def sent(request: Request) -> dict[str, Any]:
    """The JSON body of a request."""
    return dict(json.loads(request.post_data or "{}"))


@dataclass
class Visit:
    """An open page. `said` are errors and warnings on its console, `elsewhere` requests to other hosts."""

    page: Page
    web: Web
    said: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(message.text)

    def _request(self, request: Request) -> None:
        self.loaded.append(request.url)
        if urlsplit(request.url).hostname not in HERE and not request.url.startswith(("data:", "blob:")):
            self.elsewhere.append(request.url)

    async def open(self, path: str = "") -> None:
        """Load the page again; adding only a "#" would keep the loaded one."""
        await self.page.goto("about:blank")
        await self.page.goto(f"http://127.0.0.1:{self.web.port}/{path}")
        await self.page.wait_for_selector("[data-ready]", state="attached")

    async def say(self, text: str) -> None:
        """Send a message, and wait for all replies."""
        await self.page.fill("#say", text)
        await self.page.press("#say", "Enter")
        await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is being drawn and all replies are shown."""
        await self.page.wait_for_selector("#send:visible")
        await self.page.wait_for_selector(".reply[aria-busy=false]")
        await self.page.wait_for_function("() => !document.querySelector('.reply[aria-busy=true]')")

    async def replies(self) -> list[str]:
        return await self.page.locator(".reply .text").all_inner_texts()

    async def asked(self) -> list[str]:
        """The messages sent to dann."""
        return [text.removeprefix("You: ") for text in await self.page.locator(".asked").all_text_contents()]

    async def press(self, name: str) -> None:
        """Press a button of the last reply that has it."""
        await self.page.locator(".actions").get_by_role("button", name=name, exact=True).last.click()

    async def tab(self) -> "Visit":
        """Another tab of the same browser on the page, which shares its storage."""
        other = Visit(await self.page.context.new_page(), self.web)
        await other.open()
        return other

    async def begin(self, text: str) -> None:
        """Send a message, and wait for the first words of the reply alone."""
        await self.page.fill("#say", text)
        await self.page.press("#say", "Enter")
        begun = "() => document.querySelector('.turn:last-child .reply .text')?.textContent.length > 3"
        await self.page.wait_for_function(begun)

    async def stored(self) -> str:
        """All that the browser keeps, as text."""
        return str(await self.page.evaluate("JSON.stringify({ ...localStorage })"))

    async def link(self) -> str:
        """The link to the last reply."""
        await self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await self.press("Link")
        await self.page.wait_for_selector("#toast.here")
        return str(await self.page.evaluate("navigator.clipboard.readText()"))


@dataclass
class BrowserSession:
    """A server with its engine, and a browser whose visits have a profile each."""

    browser: Browser
    web: Web
    engine: Engine
    fake_bot: FakeBot

    @contextlib.asynccontextmanager
    async def visit(self, *, complains: bool = False, **context: Any) -> AsyncIterator[Visit]:
        """Open the page; at the end it must have no request to other hosts and an empty console."""
        opened: BrowserContext = await self.browser.new_context(**context)
        visit = Visit(await opened.new_page(), self.web)
        await visit.open()
        try:
            yield visit
        finally:
            await opened.close()
        assert not visit.elsewhere, visit.elsewhere
        assert complains or not visit.said, visit.said


@contextlib.contextmanager
def slow(patched: pytest.MonkeyPatch, seconds: float = 0.1) -> Iterator[None]:
    """Slow the engine's rounds down, so that tokens arrive one by one."""
    whole = Batch.round

    def round_(batch: Batch) -> Any:
        time.sleep(seconds)
        return whole(batch)

    with patched.context() as patch:
        patch.setattr(Batch, "round", round_)
        yield


class SharedBrowser:
    """One browser, and the event loop that it lives in, for all tests of a process: to start one takes longer than a test.

    Nothing of a test is left in it: each visit has a profile of its own.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._opened = contextlib.AsyncExitStack()
        self._browser: Browser | None = None

    def run(self, scenario: Callable[[Browser], Coroutine[Any, Any, None]]) -> None:
        """Run a scenario in the browser, which is started where there is none or the last one has crashed."""

        async def run() -> None:
            if self._browser is None or not self._browser.is_connected():
                driver = await self._opened.enter_async_context(async_playwright())
                self._browser = await driver.chromium.launch(executable_path=chromium(), args=list(QUIET))
                self._opened.push_async_callback(self._browser.close)
            await scenario(self._browser)

        self._runner = self._runner or asyncio.Runner()
        self._runner.run(run())

    def close(self) -> None:
        """Close it; the next test starts another."""
        if self._runner:
            self._runner.run(self._opened.aclose())
            self._runner.close()
            self._runner = self._browser = None


BROWSER = SharedBrowser()
"""Closed by conftest.py."""


Play = Callable[[BrowserSession], Awaitable[None]]
Run = Callable[[Play], None]


@contextlib.asynccontextmanager
async def session_in(
    browser: Browser, make_snapshot: Callable[[], Snapshot], fake_bot: FakeBot | None, patience: float | None = 300
) -> AsyncIterator[BrowserSession]:
    """A server whose engine holds the snapshot, for a browser; `patience` in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        bot = fake_bot or FakeBot(settings=BotSettings.model_validate({"data": {"dir": folder}}))
        async with asyncio.timeout(patience), Engine(make_snapshot(), slots=4) as engine:  # the page asks for 4 at most
            await engine.ready()
            bot.engine = engine
            async with serve_http(bot.state(), drain_seconds=0.5, patience=patience) as web:
                yield BrowserSession(browser, web, engine, bot)


def run_in_browser(
    play: Play, make_snapshot: Callable[[], Snapshot] = snapshot, fake_bot: FakeBot | None = None
) -> None:
    """Run a scenario with a browser and a server whose engine holds the snapshot of `make_snapshot`."""

    async def run(browser: Browser) -> None:
        async with session_in(browser, make_snapshot, fake_bot) as session:
            await play(session)

    BROWSER.run(run)


@contextlib.contextmanager
def shared_session(make_snapshot: Callable[[], Snapshot] = snapshot, fake_bot: FakeBot | None = None) -> Iterator[Run]:
    """Yield what runs scenarios on one server: to start it takes longer than most of them. Visits share nothing else."""
    done = asyncio.Event()
    opened: list[BrowserSession] = []
    holding: list[asyncio.Task[None]] = []

    async def start(browser: Browser) -> None:
        ready = asyncio.Event()

        async def hold() -> None:
            async with session_in(browser, make_snapshot, fake_bot, None) as session:
                opened.append(session)
                ready.set()
                await done.wait()

        holding.append(asyncio.create_task(hold()))
        await asyncio.wait({holding[0], asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)

    async def stop(_: Browser) -> None:
        done.set()
        await holding[0]

    BROWSER.run(start)
    try:
        yield lambda play: BROWSER.run(lambda _: play(opened[0]))  # type: ignore[arg-type,return-value]
    finally:
        BROWSER.run(stop)
