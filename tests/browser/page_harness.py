"""The page in a real browser, on the real server with a small engine: what its tests do there, and what they all hold."""

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from bot.config import BotSettings
from model.checkpoints.checkpoint import Snapshot
from model.engine.batch import Batch
from model.engine.engine import Engine
from tests.bot.web.web_harness import Answers, Web, on_http
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
    """The browser of this machine."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def sent(request: Request) -> dict[str, Any]:
    """What a request asks the API."""
    return dict(json.loads(request.post_data or "{}"))


@dataclass
class Visit:
    """Somebody who looks at the page. `said` are its complaints to the console, `elsewhere` what it asked of other hosts."""

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
        """Load the page anew; to add a "#" alone would go on with the one that is there."""
        await self.page.goto("about:blank")
        await self.page.goto(f"http://127.0.0.1:{self.web.port}/{path}")
        await self.page.wait_for_selector("[data-ready]", state="attached")

    async def say(self, text: str) -> None:
        """Say something, and wait until all has been answered."""
        await self.page.fill("#say", text)
        await self.page.press("#say", "Enter")
        await self.settled()

    async def settled(self) -> None:
        """Nothing is being drawn, and what was is shown."""
        await self.page.wait_for_selector("#send:visible")
        await self.page.wait_for_selector(".reply[aria-busy=false]")
        await self.page.wait_for_function("!document.querySelector('.reply[aria-busy=true]')")

    async def replies(self) -> list[str]:
        return await self.page.locator(".reply .text").all_inner_texts()

    async def asked(self) -> list[str]:
        """What has been said to dann."""
        return [text.removeprefix("You: ") for text in await self.page.locator(".asked").all_text_contents()]

    async def press(self, name: str) -> None:
        """One of the buttons of the last reply that has it."""
        await self.page.locator(".actions").get_by_role("button", name=name, exact=True).last.click()

    async def link(self) -> str:
        """The link to the last reply."""
        await self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await self.press("Link")
        await self.page.wait_for_selector("#toast.here")
        return str(await self.page.evaluate("navigator.clipboard.readText()"))


@dataclass
class Stage:
    """A server, its engine, and a browser in which people visit it, each with a profile of their own."""

    browser: Browser
    web: Web
    engine: Engine
    answers: Answers

    @contextlib.asynccontextmanager
    async def visit(self, *, complains: bool = False, **context: Any) -> AsyncIterator[Visit]:
        """Open the page. When the block ends it must have asked no other host for anything, nor have complained."""
        opened: BrowserContext = await self.browser.new_context(**context)
        visit = Visit(await opened.new_page(), self.web)
        await visit.open()
        yield visit
        await opened.close()
        assert not visit.elsewhere, visit.elsewhere
        assert complains or not visit.said, visit.said


@contextlib.contextmanager
def slow(patched: pytest.MonkeyPatch, seconds: float = 0.1) -> Iterator[None]:
    """Let the engine take so long for a round, which draws a few tokens, that a person sees them come."""
    whole = Batch.round

    def round_(batch: Batch) -> Any:
        time.sleep(seconds)
        return whole(batch)

    with patched.context() as patch:
        patch.setattr(Batch, "round", round_)
        yield


def played(
    play: Callable[[Stage], Awaitable[None]], says: Callable[[], Snapshot] = snapshot, answers: Answers | None = None
) -> None:
    """Run it with a browser, and a server whose engine holds what `says` makes."""

    async def run() -> None:
        told = answers or Answers(settings=BotSettings.model_validate({"data": {"dir": folder}}))
        async with asyncio.timeout(300), async_playwright() as driver, Engine(says()) as engine:
            await engine.ready()
            told.engine = engine
            async with on_http(told.state(), drain_seconds=0.5) as web:
                browser = await driver.chromium.launch(executable_path=chromium(), args=list(QUIET))
                await play(Stage(browser, web, engine, told))
                await browser.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run())
