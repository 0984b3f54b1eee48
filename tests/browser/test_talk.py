"""The conversation in a browser: streaming, several replies, again, continuing, links, history."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from tests.browser.page_harness import BrowserSession, run_in_browser, sent, slow
from tests.model.small_networks import TINY_LOOPED, TINY_TRANSFORMER, parrot, snapshot


def test_it_answers_and_remembers_what_was_said() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            assert await visit.replies() == ["hey lol"]
            await visit.say("and again")
            assert await visit.replies() == ["hey lol", "hey lol"]
            assert await visit.asked() == ["hello", "and again"]
            assert await visit.page.inner_text("#heard") == "dann: hey lol"
            await visit.open()
            assert await visit.replies() == ["hey lol", "hey lol"]

    run_in_browser(play, lambda: parrot("hey lol"))


def test_a_reply_grows_while_it_is_drawn_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("#more")
            await visit.page.fill("#max_tokens", "400")
            await visit.page.fill("#say", "hello")
            await visit.page.press("#say", "Enter")
            text = visit.page.locator(".reply .text")
            await expect(text).to_contain_text("lol")
            await visit.page.click("#stop")
            await visit.settled()
            stopped = await text.inner_text()
            assert "stopped" in await visit.page.inner_text(".reply .meta")
            await asyncio.sleep(0.3)
            assert await text.inner_text() == stopped
            link = await visit.link()
            while session.engine.load.busy:  # a place that is given up is free again
                await asyncio.sleep(0.01)
        async with session.visit() as other:
            await other.page.goto(link)
            await other.settled()
            assert await other.replies() == [stopped]

    with slow(monkeypatch):
        run_in_browser(play, lambda: parrot("hey lol ", forever=True))


def test_several_answers_stand_side_by_side_and_one_is_taken() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.get_by_label("4", exact=True).check()
            await visit.say("hello")
            replies = await visit.replies()
            assert len(set(replies)) == 4
            boxes = [await one.bounding_box() for one in await visit.page.locator(".reply").all()]
            assert boxes[0]
            assert boxes[1]
            assert boxes[0]["y"] == boxes[1]["y"]
            await visit.page.get_by_role("button", name="Take this").nth(1).click()
            assert "chosen" in str(await visit.page.locator(".reply").nth(2).get_attribute("class"))
            await visit.page.get_by_label("1", exact=True).check()
            async with visit.page.expect_request("**/api/reply") as asked:
                await visit.say("go on")
            messages = sent(await asked.value)["messages"]
            assert [message["mine"] for message in messages] == [False, True, False]
            assert messages[1]["text"] == replies[2]

    run_in_browser(play)


def test_asked_again_it_draws_with_another_seed_also_where_it_is_locked() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("#more")
            await visit.page.fill("#seed", "7")
            await visit.page.get_by_label("Lock").check()
            await visit.say("hello")
            assert "seed 7 " in await visit.page.inner_text(".reply .meta")
            (first,) = await visit.replies()
            seeds = set()
            for _ in range(3):
                await visit.press("Again")
                await visit.settled()
                seeds.add(await visit.page.inner_text(".reply .meta"))
            assert len(seeds) == 3
            assert not [seed for seed in seeds if "seed 7 " in seed]
            await visit.page.fill("#seed", "7")
            await visit.page.click("#new")
            await visit.say("hello")
            assert await visit.replies() == [first]

    run_in_browser(play)


def test_a_reply_goes_on_where_it_ended() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("#more")
            await visit.page.fill("#max_tokens", "5")
            await visit.say("hello")
            (before,) = await visit.replies()
            await visit.press("Continue")
            await visit.settled()
            (after,) = await visit.replies()
            assert after.startswith(before)
            assert len(after) > len(before)
            assert set(after.split()) <= {"hey", "lol", "l", "lo", "h", "he"}

    run_in_browser(play, lambda: parrot("hey lol ", forever=True))


def test_a_link_gives_the_same_text_to_whoever_opens_it() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.fill("#temperature", "1.5")
            await visit.say("hello")
            await visit.say("and then?")
            texts = await visit.replies()
            link = await visit.link()
            await visit.press("Continue")
            await visit.settled()
            (_, longer), begun = await visit.replies(), await visit.link()
        for address, last in ((link, texts[-1]), (begun, longer)):
            async with session.visit() as other:
                await other.page.goto(address)
                await other.page.wait_for_selector(".reply")
                await other.settled()
                assert await other.replies() == [texts[0], last]
                assert await other.asked() == ["hello", "and then?"]

    run_in_browser(play)


def test_a_link_that_is_not_whole_says_so() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            for broken in ("", "e30", "%%%", "bnVsbA", "eyJtIjpbWzAsMV1dfQ"):
                await visit.open()
                await visit.page.evaluate("hash => { location.hash = hash }", f"#again={broken}")
                await expect(visit.page.locator("#toast")).to_contain_text("incomplete")
            assert not [url for url in visit.loaded if url.endswith("/api/reply")]

    run_in_browser(play)


def test_history_is_kept_opened_and_forgotten() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            visit.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
            await visit.say("the first")
            await visit.page.click("#new")
            assert await visit.replies() == []
            await visit.say("the second")
            await visit.page.click("#past")
            titles = visit.page.locator("#past-list .title")
            assert await titles.all_inner_texts() == ["the second", "the first"]
            await titles.nth(1).click()
            assert await visit.asked() == ["the first"]
            await visit.page.click("#past")
            await visit.page.get_by_role("button", name="Delete “the second”").click()
            assert await titles.all_inner_texts() == ["the first"]
            await visit.page.click("#forget")
            assert await visit.replies() == []
            await visit.open()
            assert await visit.replies() == []
            assert "the first" not in await visit.page.evaluate("JSON.stringify(localStorage)")

    run_in_browser(play, lambda: parrot("hey lol"))


def test_what_was_being_said_is_kept_when_another_conversation_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.fill("#say", "hello")
            await visit.page.press("#say", "Enter")
            await expect(visit.page.locator(".reply .text")).to_contain_text("lol")
            await visit.page.click("#new")
            await visit.page.click("#past")
            await visit.page.locator("#past-list .title").click()
            assert await visit.asked() == ["hello"]
            assert (await visit.replies())[0].startswith("hey lol")
            await visit.settled()

    with slow(monkeypatch):
        run_in_browser(play, lambda: parrot("hey lol ", forever=True))


def test_a_reply_is_saved_as_a_picture() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(accept_downloads=True) as visit:
            await visit.say("hello")
            async with visit.page.expect_download() as saved:
                await visit.press("Picture")
            download = await saved.value
            assert download.suggested_filename.startswith("dann-")
            assert (await download.path()).read_bytes().startswith(b"\x89PNG\r\n")

    run_in_browser(play)


@pytest.mark.parametrize("shape", [TINY_TRANSFORMER, TINY_LOOPED], ids=["transformer", "looped"])
def test_a_network_that_is_no_lstm_replies_on_the_page_as_in_the_engine(shape: dict[str, Any]) -> None:
    """Twice, so that the second goes on from a kept prefix; the page's seeds are its own."""
    served = snapshot(**shape)

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            forms: list[dict[str, Any]] = []
            visit.page.on("request", lambda one: forms.append(sent(one)) if one.url.endswith("/api/reply") else None)
            await visit.say("hey")
            await visit.say("and again")
            shown = await visit.replies()
            assert len(shown) == len(forms) == 2
            engine = Engine(served, slots=4)
            for form, text in zip(forms, shown, strict=True):
                turns = [Turn(mine=turn["mine"], text=turn["text"]) for turn in form["messages"]]
                drawn = engine.reply(turns, SamplingParams(**form["params"]), form["seed"])
                assert "".join(text.split()) == "".join(drawn.text.split())

    run_in_browser(play, lambda: served)
