"""A conversation's branches: other versions of a message or an answer stay beside it, and so does what followed them."""

from typing import Any

from playwright.async_api import expect

from tests.browser.page_harness import BrowserSession, Run, Visit, sent


async def versions(visit: Visit) -> list[str]:
    return await visit.page.locator(".versions [role=img]").all_text_contents()


def test_another_token_in_an_earlier_turn_is_a_branch_and_the_later_turns_stay(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("label.switch:has(#think)")
            await visit.say("first")
            await visit.say("second")
            await visit.page.locator(".turn").first.locator(".token").nth(1).click()
            await visit.page.locator("#alternatives button").last.click()
            await visit.settled()
            assert await visit.asked() == ["first"]
            assert await versions(visit) == ["2/2"]
            (branched,) = await visit.replies()
            await visit.page.get_by_role("button", name="Answer: earlier version").click()
            assert await visit.asked() == ["first", "second"]
            await visit.open()
            assert await visit.asked() == ["first", "second"]
            assert await versions(visit) == ["1/2"]
            await visit.page.get_by_role("button", name="Answer: later version").click()
            assert await visit.replies() == [branched]
            await visit.page.click("#past")
            assert await visit.page.locator("#past-list .title").all_inner_texts() == ["first"]

    run(play)


def test_answers_that_are_drawn_again_stay_beside_each_other(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            await visit.press("Again")
            await visit.settled()
            await visit.press("Again")
            await visit.settled()
            assert await versions(visit) == ["3/3"]
            metas = set()
            for _ in range(2):
                metas.add(await visit.page.inner_text(".reply .meta"))
                await visit.page.get_by_role("button", name="Answer: earlier version").click()
            metas.add(await visit.page.inner_text(".reply .meta"))
            assert len(metas) == 3
            await expect(visit.page.get_by_role("button", name="Answer: earlier version")).to_be_disabled()
            await visit.say("on the first")
            assert await versions(visit) == ["1/3"]

    run(play)


def test_a_message_is_edited_as_a_branch(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            await visit.say("more")
            await visit.page.locator(".turn").first.get_by_role("button", name="Edit").click()
            field = visit.page.get_by_label("Your message, edited")
            await field.fill("good morning")
            async with visit.page.expect_request("**/api/reply") as asked:
                await field.press("Enter")
            await visit.settled()
            assert sent(await asked.value)["messages"] == [{"mine": False, "text": "good morning"}]
            assert await visit.asked() == ["good morning"]
            await visit.page.get_by_role("button", name="Your message: earlier version").click()
            assert await visit.asked() == ["hello", "more"]
            await visit.page.press("#say", "ArrowUp")  # in an empty field: the last message
            await field.press("Escape")
            assert await visit.asked() == ["hello", "more"]
            await expect(visit.page.locator(".turn").last.get_by_role("button", name="Edit")).to_be_focused()

    run(play)


def test_the_beginning_of_an_answer_is_given_once(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("#more")
            await visit.page.fill("#begun", "lol hey")
            await visit.say("hello")
            (given,) = await visit.replies()
            assert given.startswith("lol hey")
            assert len(given) > len("lol hey")
            link = await visit.link()
            await visit.say("and now")
            assert (await visit.replies())[1].startswith("hey")
        async with session.visit() as other:
            await other.page.goto(link)
            await other.settled()
            assert await other.replies() == [given]

    run(play)


def test_an_answer_in_an_earlier_turn_is_continued_beside_what_followed(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.say("hello")
            await visit.say("more")
            before = (await visit.replies())[0]
            await visit.page.locator(".turn").first.get_by_role("button", name="Continue").click()
            await visit.settled()
            (after,) = await visit.replies()
            assert after.startswith(before.strip())
            assert len(after) > len(before)
            await visit.page.get_by_role("button", name="Answer: earlier version").click()
            assert await visit.asked() == ["hello", "more"]

    run(play)


def test_typed_seeds_count_and_those_out_of_range_are_said(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.click("#more")
            await visit.page.fill("#seed", "4242")
            await visit.say("hello")
            assert "seed 4242 " in await visit.page.inner_text(".reply .meta")
            await visit.say("again")
            assert "seed 4242 " not in await visit.page.locator(".reply .meta").last.inner_text()
            asked: list[Any] = []
            visit.page.on("request", lambda request: asked.append(request.url) if "/api/reply" in request.url else None)
            for wrong in ("2147483648", "-1", "1.5"):
                await visit.page.fill("#seed", wrong)
                await visit.page.fill("#say", "no")
                await visit.page.press("#say", "Enter")
                await expect(visit.page.locator("#seed-wrong")).to_have_text(
                    "A seed is a whole number from 0 to 2147483647."
                )
                assert await visit.page.input_value("#say") == "no"
            await visit.page.fill("#seed", "2147483646")
            await visit.page.get_by_label("3", exact=True).check()
            await visit.page.press("#say", "Enter")
            await expect(visit.page.locator("#seed-wrong")).to_contain_text("each of the 3 answers takes the next one")
            assert asked == []

    run(play)


def test_at_temperature_0_several_answers_are_said_to_be_the_same(run: Run) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            said = visit.page.get_by_text("At temperature 0 all answers are the same.")
            await visit.page.fill("#temperature", "0")
            await expect(said).to_be_hidden()
            await visit.page.get_by_label("2", exact=True).check()
            await expect(said).to_be_visible()
            await visit.page.fill("#temperature", "0.5")
            await expect(said).to_be_hidden()

    run(play)
