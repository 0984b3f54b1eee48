"""The page on any screen and for any sense: zoomed, on its side, by touch, in forced colours, printed, and read out."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.page_harness import BrowserSession, Run
from tests.browser.test_looks import too_wide, violations

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SMALL = {"zoomed to 400 %": (320, 256), "zoomed to 200 %": (640, 400), "a phone on its side": (844, 390)}
SWITCH = "label.switch:has(#think)"
ROOM = """() => {
  const sticky = (name) => {
    const element = document.querySelector(name);
    const isFixed = getComputedStyle(element).position === "sticky" && !element.hidden;
    return isFixed ? element.getBoundingClientRect() : null;
  };
  const [top, bottom] = [sticky(".top")?.bottom ?? 0, sticky(".dock")?.top ?? innerHeight];
  return (bottom - top) / innerHeight;
}"""
TARGETS = """() => [...document.querySelectorAll("button, a, input, textarea, summary, label:has(input)")]
  .filter((one) => one.checkVisibility() && !one.closest(".unseen, [hidden]") && !one.matches(".skip, label input"))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 43.5 || height < 43.5)
  .map(([one, { width, height }]) => `${one.outerHTML.slice(0, 70)} ${width} x ${height}`)"""


@pytest.mark.parametrize("size", SMALL.values(), ids=SMALL)
def test_a_small_screen_is_for_the_conversation_and_the_field_is_in_reach(run: Run, size: tuple[int, int]) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(viewport={"width": size[0], "height": size[1]}) as visit:
            if size != SMALL["zoomed to 400 %"]:  # there the greeting alone fills the screen
                await expect(visit.page.locator("#say")).to_be_in_viewport(ratio=1)
            await visit.say("hello there, how are you today")
            assert await visit.page.evaluate(ROOM) > 0.6
            assert await too_wide(visit) == 0
            await visit.page.locator(".reply .text").scroll_into_view_if_needed()
            await expect(visit.page.locator(".reply .text")).to_be_in_viewport()
            await visit.page.click("#fold")
            await visit.page.click(SWITCH)
            await visit.page.locator(".token").first.click()
            assert await too_wide(visit) == 0
            await visit.page.keyboard.press("Escape")
            await visit.page.click("#menu")
            await visit.page.get_by_role("link", name="The model").click()
            await expect(visit.page.locator("#card-title")).to_be_visible()
            assert await too_wide(visit) == 0

    run(play)


def test_text_at_200_percent_covers_nothing(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(viewport={"width": 1024, "height": 768}) as visit:
            protocol = await visit.page.context.new_cdp_session(visit.page)
            await protocol.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
            await visit.open()
            await visit.say("hello there, how are you today")
            assert await visit.page.evaluate("getComputedStyle(document.body).fontSize") == "32px"
            assert await visit.page.evaluate(ROOM) > 0.6
            assert await too_wide(visit) == 0
            await expect(visit.page.locator("#say")).to_be_in_viewport()

    run(play)


def test_on_a_phone_the_conversation_has_85_percent_and_everything_is_44_pixels(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(**PHONE) as visit:
            await visit.say("hello")
            assert await visit.page.evaluate(ROOM) > 0.85
            assert await visit.page.evaluate(TARGETS) == []
            await visit.page.tap("#fold")
            await visit.page.tap("#more")
            await visit.page.tap(SWITCH)
            assert await visit.page.evaluate(TARGETS) == []
            await visit.page.tap("#fold")
            await visit.page.locator(".token").nth(1).tap()
            assert await visit.page.evaluate(TARGETS) == []
            token, sheet = visit.page.locator(".token").nth(1), visit.page.locator("#alternatives")
            below, above = await sheet.bounding_box(), await token.bounding_box()
            assert below
            assert above
            assert above["y"] + above["height"] <= below["y"]
            await visit.page.locator("#talk-title").dispatch_event("pointerdown")
            await expect(sheet).to_be_hidden()
            await visit.page.tap("#past")
            assert await visit.page.evaluate(TARGETS) == []

    run(play)


def test_a_new_visitor_on_a_phone_plays_with_it_shares_it_and_forgets_it(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(**PHONE) as visit:
            visit.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
            await visit.page.get_by_role("button", name="what are you up to").tap()
            await visit.settled()
            await visit.page.get_by_role("button", name="Settings. Temperature").tap()
            await visit.page.get_by_label("Temperature", exact=False).first.fill("1.4")
            await visit.page.get_by_text("See it think", exact=True).first.tap()
            await visit.page.get_by_role("button", name="Settings. Temperature").tap()
            await visit.page.locator(".reply .token").first.tap()
            await visit.page.locator("#alternatives button").nth(2).tap()
            await visit.settled()
            assert "temperature 1.4" in await visit.page.inner_text(".reply .meta")
            (text,), link = await visit.replies(), await visit.link()
            async with session.visit(**PHONE) as other:
                await other.page.goto(link)
                await other.settled()
                assert await other.replies() == [text]
            await visit.page.get_by_role("button", name="History").tap()
            await visit.page.get_by_role("button", name="Delete all").tap()
            await expect(visit.page.get_by_role("button", name="what are you up to")).to_be_visible()
            assert "what are you up to" not in await visit.stored()

    run(play)


def test_the_bars_of_a_temperature_are_shown_by_touch(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(**PHONE) as visit:
            await visit.page.tap("#fold")
            await visit.page.tap(SWITCH)
            await visit.say("hello")
            bars = visit.page.locator(".heat-bars")
            await visit.page.tap("#fold")
            await expect(bars).to_be_hidden()
            await visit.page.tap("#temperature")
            await expect(bars).to_be_visible()
            await visit.page.locator(".asked").tap()
            await expect(bars).to_be_hidden()

    run(play)


ANOTHER_UNDER_THE_MOUSE = """() => {
    document.addEventListener("mouseover", () => document.body.setAttribute("data-over", ""));
    document.querySelector(".reply .token:hover").remove();
}"""


def test_alternatives_open_for_whoever_dwells_and_stand_off_the_sentence(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click(SWITCH)
            await visit.page.click("#more")
            await visit.page.fill("#max_tokens", "60")
            await visit.page.click("#more")
            await visit.say("hello")
            box, tokens = visit.page.locator("#alternatives"), visit.page.locator(".reply .token")
            await visit.page.clock.install()
            await tokens.nth(1).hover()
            await visit.page.clock.run_for(200)
            await visit.page.mouse.move(1, 1)
            await visit.page.clock.run_for(2000)
            await expect(box).to_be_hidden()
            await tokens.nth(1).hover()
            await visit.page.clock.run_for(500)
            await expect(box).to_be_visible()
            sentence, shown = await visit.page.locator(".reply .text").bounding_box(), await box.bounding_box()
            assert sentence
            assert shown
            below = shown["y"] >= sentence["y"] + sentence["height"] - 1
            beside = shown["x"] >= sentence["x"] + sentence["width"]
            assert below or beside or shown["y"] + shown["height"] <= sentence["y"] + 1
            await expect(box).to_contain_text("The 20 likeliest: scroll for more.")
            await expect(box.locator("[aria-current]").first).to_be_visible()
            await visit.page.keyboard.press("Escape")  # the focus is elsewhere
            await expect(box).to_be_hidden()
            # The text moves, and the mouse does not: nobody pointed at the token that lies under it now.
            await visit.page.evaluate(ANOTHER_UNDER_THE_MOUSE)
            await visit.page.wait_for_selector("body[data-over]")
            await visit.page.clock.run_for(2000)
            await expect(box).to_be_hidden()

    run(play)


def test_switching_to_see_it_think_keeps_what_one_looks_at(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(viewport={"width": 1280, "height": 640}) as visit:
            await visit.page.click("#more")
            await visit.page.fill("#max_tokens", "60")
            await visit.page.click("#more")
            for text in ("one", "two", "three"):
                await visit.say(text)
            await visit.page.click(SWITCH)
            reply, dock = visit.page.locator(".reply").last, await visit.page.locator("#dock").bounding_box()
            box = await reply.bounding_box()
            assert box
            assert dock
            assert box["y"] + box["height"] <= dock["y"] + 1

    run(play)


def test_each_view_has_a_heading_and_a_title_and_takes_the_focus(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            titles = {"talk": "dann", "card": "The model · dann", "quiz": "Real or dann? · dann"}
            for view in ("card", "quiz", "talk"):
                await visit.page.evaluate("view => { location.hash = view }", view)
                await expect(visit.page.locator(f"#{view}-title")).to_be_focused()
                assert await visit.page.title() == titles[view]
                assert await visit.page.locator("h1:visible").count() == 1
            await visit.say("hello")
            assert await visit.page.locator("h1:visible").count() == 1

    run(play)


def test_several_answers_are_read_out_one_after_another(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.get_by_label("3", exact=True).check()
            await visit.say("hello")
            lines = await visit.page.locator("#heard p").all_text_contents()
            assert sorted(line.partition(":")[0] for line in lines) == [f"Answer {number} of 3" for number in (1, 2, 3)]
            assert await visit.page.get_attribute("#heard", "role") == "log"

    run(play)


def test_forced_colours_keep_the_steps_apart_and_the_state_of_controls(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(forced_colors="active", complains=True) as visit:
            await visit.page.click(SWITCH)
            await visit.say("hello")
            assert await violations(visit) == []
            shown = await visit.page.evaluate(
                """() => {
                  const style = (name) => getComputedStyle(document.querySelector(name));
                  const outline = style("input[name=count]:checked + span").outlineStyle;
                  const thick = [...document.querySelectorAll(".legend .token")].map((one) => getComputedStyle(one));
                  const [on, off] = [style("#think"), style("#locked")].map(({ backgroundImage }) => backgroundImage);
                  return { outline, steps: thick.map((one) => one.textDecorationThickness), apart: on !== off };
                }"""
            )
            assert shown["outline"] == "solid"
            assert len(set(shown["steps"])) == 5
            assert shown["apart"]

    run(play)


def test_paper_has_the_conversation_and_no_controls(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            await visit.page.emulate_media(media="print")
            for name in (".top", "#dock", ".actions", ".said-tools"):
                await expect(visit.page.locator(name).first).to_be_hidden()
            for name in ("#talk-title", ".asked", ".reply .text"):
                await expect(visit.page.locator(name)).to_be_visible()

    run(play)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_steps_of_surprise_have_contrast_and_errors_more(run: Run, theme: str) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(color_scheme=theme) as visit:
            found = await visit.page.evaluate(CONTRAST)
            assert {name: ratio for name, ratio in found.items() if ratio < 3} == {}
            assert found["--warm"] >= 4.5
            assert len(found) == 6

    run(play)


CONTRAST = """() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const probe = document.body.appendChild(document.createElement("p"));
  const resolved = (name) => ((probe.style.color = `var(${name})`), light(getComputedStyle(probe).color));
  const paper = resolved("--paper");
  const ratio = (name) => {
    const [dark, bright] = [paper, resolved(name)].sort((one, other) => one - other);
    return [name, (bright + 0.05) / (dark + 0.05)];
  };
  return Object.fromEntries(["--s0", "--s1", "--s2", "--s3", "--s4", "--warm"].map(ratio));
}"""
