"""Refusals and a server that is away: what the page says, and that replies continue when it is back."""

import asyncio

import pytest
from playwright.async_api import expect

from bot.config import WebConfig
from bot.web.server import run
from tests.browser.page_harness import BrowserSession, run_in_browser, slow
from tests.model.small_networks import parrot


def test_a_server_that_goes_in_the_middle_is_waited_for_and_the_reply_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await visit.page.fill("#say", "hello")
            await visit.page.press("#say", "Enter")
            text, away = visit.page.locator(".reply .text"), visit.page.locator("#away")
            await expect(text).to_contain_text("lol")
            session.web.stop.set()
            await session.web.over
            await expect(away).to_have_text(
                "dann cannot be reached. The reply stays here and continues when dann is back."
            )
            before = await text.inner_text()
            stop, told = asyncio.Event(), list[str]()
            again = asyncio.create_task(
                run(WebConfig(port=session.web.port), session.fake_bot.state(), stop, 0.5, told.append)
            )
            await expect(away).to_be_hidden()
            await visit.settled()
            after = await text.inner_text()
            assert after.startswith(before)
            assert len(after) > len(before)
            assert set(after.split()) == {"hey", "lol"}
            stop.set()
            await again

    with slow(monkeypatch):
        run_in_browser(play, lambda: parrot("hey lol ", forever=True))
