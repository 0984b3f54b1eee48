"""axe finds nothing in any state and view of the page: in both themes, forced colours, on a phone, and zoomed in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.page_harness import BrowserSession, Run, Visit
from tests.browser.test_looks import violations
from tests.browser.test_refusals import Refusing
from tests.browser.test_screens import PHONE, SWITCH

WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "a phone": PHONE,
    "200 %": {"viewport": {"width": 640, "height": 400}},
    "400 %": {"viewport": {"width": 320, "height": 256}},
}


async def states(visit: Visit) -> AsyncIterator[str]:
    """Put the page into one state after another."""
    page = visit.page
    yield "empty"
    if await page.locator("#fold").is_visible():
        await page.click("#menu")
        yield "menu"
        await page.click("#menu")
        await page.click("#fold")
    await page.click(SWITCH)
    await page.get_by_label("2", exact=True).check(force=True)
    await visit.say("hello")
    await page.locator(".reply .token").nth(1).click()
    yield "alternatives"
    await page.locator("#alternatives button").last.click()
    await visit.settled()
    await page.get_by_role("button", name="Edit").click()
    yield "branches, and a message that is edited"
    await page.keyboard.press("Escape")
    await page.route("**/api/reply", Refusing(9, wait="60"))
    await page.fill("#say", "more")
    await page.press("#say", "Enter")
    await expect(page.locator(".refusal:visible")).to_be_visible()
    yield "refused"
    await page.keyboard.press("Escape")
    await page.fill("#say", "x" * 5000)
    yield "too long"
    await page.fill("#say", "")
    await page.click("#past")
    yield "history"
    await page.keyboard.press("Escape")
    await page.keyboard.press("Alt+k")
    yield "keyboard"
    await page.keyboard.press("Escape")
    for view in ("#card", "#quiz"):
        await page.evaluate("view => { location.hash = view }", view)
        await page.wait_for_selector(f"{view} h1:visible")
        yield view
    await page.goto(f"http://127.0.0.1:{visit.web.port}/docs")
    yield "API"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_axe_finds_nothing(run: Run, way: dict[str, Any]) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True, reduced_motion="reduce", **way) as visit:
            found = {state: await violations(visit) async for state in states(visit)}
            assert {state: wrong for state, wrong in found.items() if wrong} == {}
            assert len(found) >= 10

    run(play)
