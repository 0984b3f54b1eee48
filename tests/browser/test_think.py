"""See it think: token colours, alternatives, entropy, temperature; by mouse and by keyboard."""

import json
import re

from playwright.async_api import Route, expect

from model.tokenizer import Tokenizer
from tests.browser.page_harness import BrowserSession, Visit, run_in_browser, sent
from tests.model.made_up_guard import guarded
from tests.model.small_networks import TOKENIZER, parrot

SWITCH = "label.switch:has(#think)"
EMOJI = Tokenizer.train(["lol"], 259)  # bytes alone: an emoji is four tokens


async def thinking(visit: Visit) -> None:
    await visit.page.click(SWITCH)
    await visit.page.fill("#temperature", "0")


def test_every_token_is_told_apart_and_together_they_are_the_reply() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            (plain,) = await visit.replies()
            await visit.page.click(SWITCH)
            tokens = visit.page.locator(".reply .token")
            assert "".join(await tokens.all_text_contents()).rstrip() == plain
            assert await tokens.count() > 1
            label = str(await tokens.first.get_attribute("aria-label"))
            assert label.endswith("%")
            of = "getComputedStyle(one).textDecorationThickness"
            widths = await tokens.evaluate_all(f"all => Array.from(new Map(all.map(one => [one.className, {of}])))")
            assert len({name for name, _ in widths}) == len({width for _, width in widths})  # not by colour alone
            await expect(visit.page.locator(".surprise")).to_contain_text(re.compile(r"Average surprise \d+\.\d bits"))
            await visit.page.click(SWITCH)
            assert await visit.replies() == [plain]
            assert await tokens.count() == 0

    run_in_browser(play)


def test_tokens_that_spell_a_character_together_are_shown_as_one() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click(SWITCH)
            await visit.say("hello")
            assert await visit.page.locator(".reply .token").all_text_contents() == ["h", "i", " ", "🙃"]

    run_in_browser(play, lambda: parrot("hi 🙃", tokenizer=EMOJI))


def test_where_figures_are_withheld_it_says_so() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click(SWITCH)
            await visit.say("hello")
            first = visit.page.locator(".reply .token").first
            await expect(first).to_have_attribute("aria-label", re.compile("withheld: an alternative"))
            await first.click()
            box = visit.page.locator("#alternatives")
            await expect(box).to_contain_text("withheld: one of them would repeat a stored message")
            assert await box.locator("button").count() == 0

    run_in_browser(play, lambda: guarded(parrot("hey lol"), lambda _, text: "hey" in text))


def test_a_reply_that_the_guard_ended_says_so() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            await expect(visit.page.locator(".reply")).to_contain_text("ended here: it would repeat stored messages")

    run_in_browser(play, lambda: guarded(parrot("hey lol"), lambda *_: True))


def test_an_alternative_goes_on_from_there_with_the_mouse() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await thinking(visit)
            await visit.say("hello")
            tokens = visit.page.locator(".reply .token")
            before = "".join((await tokens.all_text_contents())[:1])
            await tokens.nth(1).hover()
            other = visit.page.locator("#alternatives button:not([aria-current])").first
            assert "%" in str(await other.get_attribute("aria-label"))
            async with visit.page.expect_request("**/api/reply") as asked:
                await other.click()
            await visit.settled()
            begun = sent(await asked.value)["begun"]
            assert len(begun) == 2
            chosen = TOKENIZER.token_bytes[begun[-1]].decode()
            assert await visit.replies() == [before + chosen]
            await expect(visit.page.locator("#alternatives")).to_be_hidden()

    run_in_browser(play, lambda: parrot("hey lol"))


def test_the_temperature_moves_the_distribution_at_once() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click(SWITCH)
            await visit.say("hello")
            await visit.page.locator(".reply .token").first.click()
            figures = visit.page.locator("#heat-shown .figure")
            shares = visit.page.locator("#alternatives .strong")
            assert await figures.count() == 8
            shown = []
            for temperature in ("2", "1", "0.1", "0"):
                await visit.page.fill("#temperature", temperature)
                shown.append(await shares.all_text_contents())
                assert await figures.all_text_contents() == shown[-1][:8]
            firsts = [float(one[0].removesuffix("%")) for one in shown]
            assert firsts == sorted(firsts)
            assert firsts[0] < firsts[2]
            assert shown[-1] == ["100%", *["0%"] * 19]

    run_in_browser(play)


async def with_one_seed(route: Route) -> None:
    """Ask for one reply of several tokens: of random ones, one in some hundred has a single token, and no next one."""
    await route.continue_(post_data=json.dumps((route.request.post_data_json or {}) | {"seed": 1}))


def test_the_whole_page_works_by_keyboard() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            keyboard, page = visit.page.keyboard, visit.page
            await page.route("**/api/reply", with_one_seed)
            await keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.className") == "skip"
            await keyboard.press("Enter")
            await keyboard.type("hello")
            await keyboard.press("Enter")
            await visit.settled()
            for _ in range(20):
                if await page.evaluate("document.activeElement.id") == "think":
                    break
                await keyboard.press("Tab")
            await keyboard.press("Space")
            for _ in range(20):
                if await page.evaluate("document.activeElement.className.startsWith('token')"):
                    break
                await keyboard.press("Shift+Tab")
            first = await page.evaluate("document.activeElement.textContent")
            await keyboard.press("ArrowRight")
            assert await page.evaluate("document.activeElement.previousSibling.textContent") == first
            await expect(page.locator("#alternatives")).to_be_visible()
            await keyboard.press("Enter")
            assert await page.evaluate("document.activeElement.closest('#alternatives') !== null")
            await keyboard.press("Escape")
            await expect(page.locator("#alternatives")).to_be_hidden()
            assert await page.evaluate("document.activeElement.previousSibling.textContent") == first
            await keyboard.press("Enter")
            await keyboard.press("ArrowDown")
            async with page.expect_request("**/api/reply"):
                await keyboard.press("Enter")
            await visit.settled()
            (after,) = await visit.replies()
            assert after.startswith(first)

    run_in_browser(play)
