"""Links: to a checkpoint that is gone, too long for Discord, and as earlier versions made them."""

import base64
import json
from typing import Any

from playwright.async_api import expect

from tests.browser.old_storage import OLD_CONVERSATIONS, PARAMS
from tests.browser.page_harness import BrowserSession, Run, Visit

ORDER = ["temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "guidance", "candidates"]


def link(messages: list[tuple[int, str]], checkpoint: str, **more: Any) -> str:
    recipe = {"m": messages, "p": [PARAMS[name] for name in ORDER], "s": 7, "c": checkpoint, **more}
    return "#again=" + base64.urlsafe_b64encode(json.dumps(recipe).encode()).decode().rstrip("=")


def recipe(address: str) -> dict[str, Any]:
    text = address.partition("#again=")[2]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


async def follow(visit: Visit, address: str) -> None:
    await visit.page.goto("about:blank")
    await visit.page.goto(address if address.startswith("http") else f"http://127.0.0.1:{visit.web.port}/{address}")
    await visit.settled()


def test_a_link_to_a_checkpoint_that_is_gone_shows_what_it_has_and_offers_the_one_that_serves(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await follow(visit, link([(0, "hello")], "20200101-000000", r="this was said"))
            assert await visit.asked() == ["hello"]
            assert await visit.replies() == ["this was said"]
            meta = visit.page.locator(".reply .meta")
            await expect(meta).to_contain_text("Recorded: this is the text as it was")
            await expect(meta).to_contain_text("the text may differ")
            assert "/v1/models" not in await visit.page.inner_text("body")
            await visit.press("Ask the checkpoint that serves now")
            await visit.settled()
            assert (await visit.replies())[0].startswith("hey")
            await visit.page.get_by_role("button", name="Answer: earlier version").click()
            assert await visit.replies() == ["this was said"]
            await visit.open()
            assert await visit.replies() == ["this was said"]

    run(play)


def test_an_old_link_to_a_checkpoint_that_is_gone_says_so_in_plain_words(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await follow(visit, link([(1, "i began"), (0, "hello")], "20200101-000000", b=[300], t="h"))
            await expect(visit.page.locator(".reply .meta").last).to_have_text(
                "Its checkpoint, 20200101-000000, is gone: it cannot be drawn again."
            )
            await visit.press("Ask the checkpoint that serves now")
            await visit.settled()
            assert (await visit.replies())[0] == "i began"
            assert (await visit.replies())[1].startswith("h")

    run(play)


def test_links_of_earlier_versions_draw_the_same_text(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            serving = session.engine.snapshot.id
            await follow(visit, link([(0, "hello")], serving))
            (first,) = await visit.replies()
            assert first.startswith("hey lol")
            await follow(visit, link([(0, "hello")], serving, p=[1, 0, 1, 0, 1, 60]))  # before guidance and candidates
            assert await visit.replies() == [first]

    run(play)


def test_a_reply_of_an_earlier_version_is_linked_with_what_it_was_drawn_by(run: Run) -> None:
    """It knows nothing of `word_min_p`: then, as now with 0, a word went on by any part."""

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.evaluate("all => localStorage.setItem('dann.conversations', all)", OLD_CONVERSATIONS)
            await visit.open()
            assert recipe(await visit.link())["p"] == [*(PARAMS[name] for name in ORDER), 0]

    run(play)


def test_a_link_too_long_for_discord_says_so_and_offers_the_newest_turns(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await visit.say("x" * 900)
            await visit.say("y" * 900)
            whole = await visit.link()
            assert len(whole) > 2000
            toast = visit.page.locator("#toast")
            await expect(toast).to_contain_text(f"It has {len(whole):,} characters, and Discord takes 2,000.")
            await toast.get_by_role("button", name="Copy the newest turns alone").click()
            await expect(toast).to_contain_text("it shows the newest turns as they are here")
            short = str(await visit.page.evaluate("navigator.clipboard.readText()"))
            assert len(short) <= 2000
            said = (await visit.replies())[-1]
            assert recipe(short)["m"][-1] == [0, "y" * 900]
            asked: list[str] = []
            visit.page.on("request", lambda request: asked.append(request.url))
            await follow(visit, short)
            assert (await visit.replies())[-1] == said.strip()
            await expect(visit.page.locator(".reply .meta").last).to_contain_text("left out how the conversation began")
            assert not [url for url in asked if url.endswith("/api/reply")]

    run(play)
