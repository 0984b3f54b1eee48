"""Refusals: said once, in plain words, with a countdown, and tried again by themselves; and what is not refused."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

from playwright.async_api import Route, expect

from bot.config import WebConfig
from tests.bot.web.web_harness import serve_http
from tests.browser.page_harness import BrowserSession, Run, sent


def refusal(code: str, message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "rate_limit_error", "param": None, "code": code}})


class Refusing:
    """Refuses the first answers it is asked for, those that `which` picks, and lets the others through."""

    def __init__(self, number: int, which: Any = lambda _: True, wait: str | None = "2", status: int = 429) -> None:
        self.left, self.which, self.wait, self.status = number, which, wait, status

    async def __call__(self, route: Route) -> None:
        if self.left == 0 or not self.which(sent(route.request)):
            await route.continue_()
            return
        self.left -= 1
        headers = {"Retry-After": self.wait} if self.wait else {}
        body = refusal("rate_limit_exceeded" if self.wait else "too_long", "You ask too often. Try again in 2 s.")
        await route.fulfill(status=self.status, body=body, headers=headers)


def test_refusals_are_said_once_with_a_countdown_and_tried_again_by_themselves(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await visit.page.clock.install()
            await visit.page.route("**/api/reply", Refusing(3))
            await visit.page.get_by_label("4", exact=True).check()
            await visit.page.fill("#say", "hello")
            await visit.page.press("#say", "Enter")
            refusal = visit.page.locator(".refusal:visible")
            await expect(refusal).to_have_count(1)
            await expect(refusal).to_contain_text("That was too fast. 3 answers are tried again.")
            await expect(refusal).to_contain_text(re.compile(r"Next try in [12] s"))
            assert "Try again in 2 s." not in await visit.page.inner_text("#talk")
            await expect(visit.page.locator("#stop")).to_be_visible()
            await visit.page.clock.run_for(2500)
            await expect(refusal).to_have_count(0)
            await visit.settled()
            assert [text.startswith("hey") for text in await visit.replies()] == [True] * 4

    run(play)


def test_a_refusal_can_be_tried_at_once_or_stopped(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            refusing = Refusing(2, wait="300")
            await visit.page.route("**/api/reply", refusing)
            await visit.page.fill("#say", "hello")
            await visit.page.press("#say", "Enter")
            await visit.page.get_by_role("button", name="Try now").click()
            await expect(visit.page.locator(".refusal:visible")).to_contain_text("Next try in 300 s")
            await visit.page.keyboard.press("Escape")
            await visit.settled()
            await expect(visit.page.locator(".refusal:visible")).to_have_count(0)
            await visit.press("Again")
            await visit.settled()
            assert (await visit.replies())[0].startswith("hey")

    run(play)


def test_where_the_first_of_several_is_refused_the_conversation_goes_on_with_another(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await visit.page.click("#more")
            await visit.page.fill("#seed", "10")
            await visit.page.route(
                "**/api/reply", Refusing(1, lambda asked: asked["seed"] == 10, wait=None, status=400)
            )
            await visit.page.get_by_label("2", exact=True).check()
            await visit.say("hello")
            other = (await visit.replies())[1]
            assert "chosen" in str(await visit.page.locator(".reply").nth(1).get_attribute("class"))
            async with visit.page.expect_request("**/api/reply") as asked:
                await visit.say("go on")
            assert sent(await asked.value)["messages"][1] == {"mine": True, "text": other.strip()}

    run(play)


def test_while_dann_is_paused_the_page_says_so_and_does_not_answer(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            paused = visit.page.locator("#paused")
            await expect(paused).to_be_hidden()
            session.fake_bot.is_paused = True
            await expect(paused).to_contain_text("dann is paused")
            await visit.page.fill("#say", "hello")
            await visit.page.press("#say", "Enter")
            await expect(visit.page.locator(".refusal:visible")).to_contain_text("Paused by its owner.")
            session.fake_bot.is_paused = False
            await expect(paused).to_be_hidden()
            await visit.page.get_by_role("button", name="Try now").click()
            await visit.settled()
            assert (await visit.replies())[0].startswith("hey")

    run(play)


def test_two_hundred_reloads_in_a_row_by_one_address_are_not_refused(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        state = replace(session.fake_bot.state(), stopping=asyncio.Event())
        async with serve_http(state, config=WebConfig(), drain_seconds=0.5) as web, session.visit() as visit:
            visit.web = web
            await visit.open()
            loaded = [url.replace(f"http://127.0.0.1:{web.port}", "") for url in visit.loaded if str(web.port) in url]
            assert [url for url in loaded if url.startswith("/api")] == ["/api/events"]
            assert len(loaded) == 5
            for _ in range(200):
                for url in loaded:
                    if url == "/api/events":
                        async with web.client.stream("GET", url) as events:
                            assert events.status_code == 200
                    else:
                        assert (await web.client.get(url)).status_code == 200

    run(play)
