"""What people look for: search, names, export and import, drafts, shortcuts, what is kept where, and reporting an answer."""

import asyncio
import json
from pathlib import Path

from playwright.async_api import expect

from tests.browser.page_harness import BrowserSession, Run, Visit


async def titles(visit: Visit) -> list[str]:
    return list(await visit.page.locator("#past-list .title").all_inner_texts())


def test_conversations_are_found_by_their_words_and_named(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("about cats")
            await visit.say("they purr")
            await visit.page.click("#new")
            await visit.say("about dogs")
            await visit.page.keyboard.press("Alt+h")
            assert await titles(visit) == ["about dogs", "about cats"]
            await expect(visit.page.locator("#kept")).to_contain_text("Kept in this browser only")
            await expect(visit.page.locator("#kept")).to_contain_text("2 conversations")
            await visit.page.fill("#find", "PURR")
            assert await titles(visit) == ["about cats"]
            await visit.page.fill("#find", "nothing has this")
            await expect(visit.page.locator("#past-list ol")).to_have_text("No conversation has these words.")
            await visit.page.fill("#find", "")
            await visit.page.get_by_role("button", name="Rename “about cats”").click()
            await visit.page.get_by_label("Name of the conversation").fill("felines")
            await visit.page.keyboard.press("Enter")
            assert await titles(visit) == ["about dogs", "felines"]
            await visit.page.locator("#past-list .title").last.click()
            assert await visit.asked() == ["about cats", "they purr"]

    run(play)


def test_conversations_are_exported_and_come_back_with_their_branches(run: Run, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"

    async def play(session: BrowserSession) -> None:
        async with session.visit(accept_downloads=True) as visit:
            await visit.say("hello")
            await visit.press("Again")
            await visit.settled()
            await visit.page.click("#past")
            async with visit.page.expect_download() as download:
                await visit.page.click("#save-all")
            await (await download.value).save_as(saved)
            async with visit.page.expect_download() as download:
                await visit.page.get_by_role("button", name="Export “hello” as Markdown").click()
            text = (await (await download.value).path()).read_text()
            assert text.startswith("# hello\n\n**You:** hello\n\n**dann:** hey")
        assert json.loads(saved.read_text())["dann"] == "conversations"
        async with session.visit() as other:
            await other.page.click("#past")
            for wrong in ("{}", "no", json.dumps({"dann": "conversations", "v": 2, "conversations": [{"head": 1}]})):
                (tmp_path / "wrong.json").write_text(wrong)
                await other.page.set_input_files("#file", tmp_path / "wrong.json")
                await expect(other.page.locator("#toast")).to_contain_text("This file has no conversations")
            for _ in range(2):  # the second adds nothing
                await other.page.set_input_files("#file", saved)
                await expect(other.page.locator("#toast")).to_have_text("Imported 1 conversation")
            assert await titles(other) == ["hello"]
            await other.page.locator("#past-list .title").click()
            assert await other.asked() == ["hello"]
            assert await other.page.locator(".versions [role=img]").all_text_contents() == ["2/2"]

    run(play)


def test_shortcuts_work_and_a_sheet_lists_them(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.keyboard.press("Alt+k")
            await expect(visit.page.get_by_role("dialog", name="Keyboard")).to_contain_text("new conversation")
            await visit.page.keyboard.press("Escape")
            await visit.say("hello")
            await visit.page.keyboard.press("Alt+t")
            await expect(visit.page.locator("#think")).to_be_checked()
            await visit.page.keyboard.press("Alt+n")
            assert await visit.asked() == []
            await visit.page.locator("#theme").focus()
            await visit.page.keyboard.press("Alt+m")
            await expect(visit.page.locator("#say")).to_be_focused()

    run(play)


def test_an_answer_is_reported_to_the_owner_where_there_is_one(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            visit.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
            await visit.say("hello")
            report = visit.page.get_by_role("button", name="Report")
            await expect(report).to_have_count(0)
            session.fake_bot.reported = []
            await report.click()
            await expect(visit.page.locator("#toast")).to_have_text("Sent to the owner")
            (told,) = session.fake_bot.reported
            assert "It answers: hello\nThe answer: hey" in told
            session.fake_bot.reported = None
            await expect(report).to_have_count(0)

    run(play)


def test_words_are_plain(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            text = await visit.page.inner_text("body")
            assert [word for word in ("safe", "wild", "API", "See it think") if word not in text] == []
            await visit.page.click("#more")
            await expect(visit.page.locator("#usual")).to_have_text("Reset")
            await visit.say("hello")
            await expect(visit.page.get_by_role("button", name="Continue")).to_be_visible()

    run(play)
