"""What the page keeps: nothing that was said is lost by a second tab, a reload, a full storage or a long text."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.old_storage import OLD_CONVERSATIONS
from tests.browser.page_harness import BrowserSession, Run, slow


def test_two_tabs_on_one_conversation_lose_no_message(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("first")
            other = await visit.tab()
            await visit.say("from here")
            await expect(other.page.locator(".asked").last).to_contain_text("from here")
            await other.say("from there")
            await expect(visit.page.locator(".asked").last).to_contain_text("from there")
            await visit.open()
            assert await visit.asked() == ["first", "from here", "from there"]

    run(play)


def test_what_two_tabs_say_at_once_is_kept_side_by_side(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("first")
            other = await visit.tab()
            await visit.page.fill("#say", "one")
            await other.page.fill("#say", "two")
            click = "document.getElementById('send').click()"
            await asyncio.gather(visit.page.evaluate(click), other.page.evaluate(click))
            await visit.settled()
            await other.settled()
            assert "one" in await visit.asked()  # and the other's message does not take its place
            assert "two" in await other.asked()
            await visit.open()
            stored = await visit.stored()
            assert [text in stored for text in ("first", "one", "two")] == [True] * 3

    run(play)


def test_a_reload_while_it_writes_keeps_the_message_and_what_had_come(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("#more")
            await visit.page.fill("#max_tokens", "60")
            await visit.begin("hello")
            await visit.open()
            assert await visit.asked() == ["hello"]
            (partial,) = await visit.replies()
            assert partial.startswith("hey")
            await expect(visit.page.locator(".reply .meta")).to_contain_text("stopped")
            await visit.press("Continue")
            await expect(visit.page.locator(".reply .text")).to_contain_text(f"{partial.strip()} ")
            await visit.page.click("#stop")
            await visit.settled()
            assert set((await visit.replies())[0].split()) <= {"hey", "lol", "h", "he", "l", "lo"}
            await visit.press("Continue")
            await visit.page.close()  # a closed tab
            page = await visit.page.context.new_page()
            await page.goto(f"http://127.0.0.1:{session.web.port}/")
            await expect(page.locator(".asked")).to_contain_text("hello")
            await expect(page.locator(".reply .text")).to_contain_text(partial.strip())

    with slow(monkeypatch):
        run(play)


def test_a_conversation_that_is_deleted_while_it_is_open_does_not_come_back(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("a secret")
            other = await visit.tab()
            await visit.page.click("#past")
            await visit.page.get_by_role("button", name="Delete “a secret”").click()
            await visit.page.keyboard.press("Escape")
            assert await visit.asked() == []
            await expect(other.page.locator("#toast")).to_contain_text("deleted in another tab")
            await other.say("in the other tab")
            await visit.say("next")
            for tab in (visit, other):
                assert "a secret" not in await tab.stored()
            await visit.open()
            assert "a secret" not in await visit.asked()

    run(play)


def test_full_storage_is_said_and_text_goes_before_colours(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("kept")
            fill = """() => {
                for (let size = 4e6; size >= 1; size = Math.floor(size / 2)) {
                    try { for (;;) localStorage.setItem(`x${Math.random()}`, "x".repeat(size)); } catch {}
                }
            }"""
            await visit.page.evaluate(fill)
            await visit.say("makes room by itself")  # the colours of the first answer go
            stored = await visit.stored()
            assert "makes room by itself" in stored
            assert '"dann.t.' not in stored.split("makes room")[0].split("kept")[0]
            await visit.page.evaluate(fill)
            await visit.say("finds none")
            await expect(visit.page.locator("#unkept")).to_contain_text("storage is full")
            assert len(await visit.asked()) == 3
            await visit.page.evaluate(EMPTY)
            await visit.say("and room again")
            await expect(visit.page.locator("#unkept")).to_be_hidden()
            await visit.open()
            assert await visit.asked() == ["kept", "makes room by itself", "finds none", "and room again"]

    run(play)


def test_a_long_paste_is_kept_whole_and_refused_with_a_count(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.focus("#say")
            await visit.page.keyboard.insert_text("x" * 31_000)  # as pasting does
            await expect(visit.page.locator("#trouble")).to_contain_text(
                "31,000 characters, and 4,000 characters are the most"
            )
            await visit.page.press("#say", "Enter")
            assert await visit.asked() == []
            assert len(await visit.page.input_value("#say")) == 31_000
            await visit.page.fill("#say", "short")
            await expect(visit.page.locator("#trouble")).to_be_hidden()

    run(play)


def test_a_draft_is_there_after_a_reload_and_gone_once_it_is_sent(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.fill("#say", "not yet")
            await visit.open()
            assert await visit.page.input_value("#say") == "not yet"
            await visit.page.press("#say", "Enter")
            await visit.settled()
            await visit.open()
            assert await visit.page.input_value("#say") == ""
            assert await visit.asked() == ["not yet"]
            await visit.say("begun")
            await visit.page.fill("#say", "a draft of this one")
            await visit.page.click("#new")
            assert await visit.page.input_value("#say") == ""
            await visit.page.click("#past")
            await visit.page.locator("#past-list .title").click()
            assert await visit.page.input_value("#say") == "a draft of this one"
            await visit.page.click("#past")
            await visit.page.get_by_role("button", name="Delete “not yet”").click()
            assert "a draft" not in await visit.stored()

    run(play)


def test_what_earlier_versions_kept_is_there(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.evaluate("all => localStorage.setItem('dann.conversations', all)", OLD_CONVERSATIONS)
            await visit.open()
            assert await visit.asked() == ["and you?", "good"]
            assert await visit.replies() == ["fine lol", "nice"]
            await visit.page.click("label.switch:has(#think)")
            assert await visit.page.locator(".reply .token").all_text_contents() == ["ni", "ce"]
            await visit.page.locator(".turn").first.get_by_role("button", name="earlier version").click()
            assert await visit.page.locator(".reply.chosen .text").all_text_contents() == ["so so"]
            await visit.page.click("#past")
            assert await visit.page.locator("#past-list .title").all_inner_texts() == ["and you?", "older"]
            assert "dann.conversations" not in await visit.stored()

    run(play)


def test_a_conversation_that_cannot_be_read_keeps_nobody_from_talking(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await visit.page.evaluate(LONG, 1)
            broken = (
                "localStorage.setItem('dann.m.long.r0', JSON.stringify({ id: 'r0', parent: 's0', at: 1, mine: true }))"
            )
            await visit.page.evaluate(broken)
            await visit.open()
            await expect(visit.page.locator("#toast")).to_contain_text("cannot be read")
            await visit.say("hello")
            assert await visit.asked() == ["hello"]

    run(play)


def test_a_new_turn_changes_and_writes_what_is_new_and_nothing_else(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            counts = []
            for turns in (4, 100):
                await visit.page.evaluate(LONG, turns)
                await visit.open()
                await expect(visit.page.locator(".turn")).to_have_count(turns)
                await visit.page.evaluate(COUNT)
                await visit.say("one more")
                counts.append(await visit.page.evaluate("counted"))
            assert counts[0]["writes"] == counts[1]["writes"]
            assert counts[1]["length"] < 1.2 * counts[0]["length"]
            assert abs(counts[0]["nodes"] - counts[1]["nodes"]) <= 4  # a frame more or less
            assert counts[1]["nodes"] < 80

    run(play)


EMPTY = "Object.keys(localStorage).filter(key => key.startsWith('x')).forEach(key => localStorage.removeItem(key))"
LONG = """(turns) => {
  localStorage.clear();
  const id = "long";
  const head = { v: 2, id, at: Date.now(), name: "", title: "long", picks: {} };
  localStorage.setItem(`dann.c.${id}`, JSON.stringify(head));
  let parent = "";
  for (let turn = 0; turn < turns; turn++) {
    const said = { id: `s${turn}`, parent, at: 2 * turn, mine: false, text: `message ${turn}` };
    const reply = {
      ...{ id: `r${turn}`, parent: said.id, at: 2 * turn + 1, mine: true, batch: `b${turn}`, seed: 1, checkpoint: "x" },
      ...{ params: { temperature: 1 }, begun: { ids: [], text: "" }, ids: [300], text: "hey lol", note: "" },
      state: "stop",
    };
    for (const one of [said, reply]) localStorage.setItem(`dann.m.${id}.${one.id}`, JSON.stringify(one));
    parent = reply.id;
  }
}"""
COUNT = """() => {
  window.counted = { writes: 0, length: 0, nodes: 0 };
  const set = Storage.prototype.setItem;
  Storage.prototype.setItem = function (key, value) {
    if (!key.startsWith("dann.draft")) {
      counted.writes += 1;
      counted.length += value.length;
    }
    return set.call(this, key, value);
  };
  new MutationObserver((all) => {
    for (const { addedNodes, removedNodes } of all) {
      for (const node of [...addedNodes, ...removedNodes]) {
        counted.nodes += 1 + (node.querySelectorAll?.("*").length ?? 0);
      }
    }
  }).observe(document.getElementById("turns"), { childList: true, subtree: true });
}"""


def test_a_reply_is_shown_as_being_drawn_from_its_first_moment(run: Run) -> None:
    watch = """() => {
      window.metas = new Set();
      new MutationObserver(() => {
        for (const meta of document.querySelectorAll(".meta")) window.metas.add(meta.textContent);
      }).observe(document.getElementById("turns"), { subtree: true, childList: true, characterData: true });
    }"""

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.evaluate(watch)
            await visit.say("hello")
            shown = await visit.page.evaluate("[...window.metas]")
            assert [meta for meta in shown if "seed" in meta]
            assert not [meta for meta in shown if "another tab" in meta]

    run(play)
