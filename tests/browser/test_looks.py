"""The page on narrow screens, in the dark, with hostile texts, for screen readers; and its weight."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe

from model.tokenizer import Tokenizer
from tests.browser.page_harness import BrowserSession, Visit, run_in_browser
from tests.model.small_networks import parrot

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
SCRIPT = "<img src onerror=alert(1)>"
SPELLED = Tokenizer.train([SCRIPT] * 9, 400)
VIEWS = ("", "#card", "#quiz")
AXE = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


async def too_wide(visit: Visit) -> int:
    return int(await visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


async def violations(visit: Visit) -> list[str]:
    found: Any = await Axe().run(visit.page, options=AXE)
    return [
        f"{one['id']}: {node['html']} {node.get('failureSummary', '')}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


def test_on_a_narrow_phone_nothing_sticks_out() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(**PHONE) as visit:
            await visit.say("w" * 300)
            await visit.page.tap("#fold")
            await visit.page.tap("label.switch:has(#think)")
            await visit.page.get_by_label("4", exact=True).check(force=True)
            await visit.say("hello")
            assert await too_wide(visit) == 0
            await visit.page.tap("#fold")
            await visit.page.tap("#more")
            assert await too_wide(visit) == 0
            await visit.page.tap("#more")
            await visit.page.tap("#fold")
            await visit.page.locator(".reply .token:visible").nth(1).tap()  # an accent alone has no width
            box = await visit.page.locator("#alternatives").bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
            for view in VIEWS[1:]:
                await visit.page.evaluate("view => { location.hash = view }", view)
                await visit.page.wait_for_selector(f"{view} h1")
                assert await too_wide(visit) == 0
            await visit.page.goto(f"http://127.0.0.1:{visit.web.port}/docs")
            assert await too_wide(visit) == 0

    run_in_browser(play)


def test_dark_and_light_follow_the_system_and_can_be_chosen() -> None:
    async def paper(visit: Visit) -> int:
        """The lightness of the page, from 0 to 765."""
        colour = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    async def play(session: BrowserSession) -> None:
        async with session.visit(color_scheme="dark") as visit:
            assert await paper(visit) < 150
            await visit.page.click("#theme")
            assert await paper(visit) > 600
            await visit.open()
            assert await paper(visit) > 600
        async with session.visit(color_scheme="light") as visit:
            assert await paper(visit) > 600

    run_in_browser(play)


@pytest.mark.parametrize("thinks", [False, True])
def test_what_looks_like_a_script_is_text(thinks: bool) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            visit.page.on("dialog", lambda dialog: visit.said.append(dialog.message))
            if thinks:
                await visit.page.click("label.switch:has(#think)")
            await visit.say(SCRIPT)
            assert await visit.replies() == [SCRIPT]
            assert await visit.asked() == [SCRIPT]
            await visit.page.click("#past")
            assert await visit.page.locator("main script, main img, dialog img").count() == 0
            assert await visit.page.title() == "dann"

    run_in_browser(play, lambda: parrot(SCRIPT, tokenizer=SPELLED))
