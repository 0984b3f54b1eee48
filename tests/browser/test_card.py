"""The model's card and the quiz in a browser: made-up ones with much in them, and the server's own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import Route, expect

from bot.config import BotSettings
from model.checkpoints import checkpoint
from tests.bot.web.page.test_quiz import DRAWN, HELD_OUT, SHOWN, UNASKED, posts, settings
from tests.bot.web.web_harness import FakeBot
from tests.browser.made_up_api import CARD, answer_quiz, made_up
from tests.browser.page_harness import BrowserSession, Run, run_in_browser
from tests.model.small_networks import META, TOKENIZER, parrot, snapshot
from training.store.posts import open_store
from training.store.retrain_outcome import RetrainProgress


def test_the_card_tells_what_serves_and_draws_how_it_learned() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await made_up(visit.page.context)
            await visit.open("#card")
            card = visit.page.locator("#card")
            await expect(card).to_contain_text(
                "dann is an LSTM of 512 units. It read 12,840 posts and trained for 10 min."
            )
            await card.get_by_text("Started from the base english (CC BY 4.0), which learned").click()
            await expect(card.get_by_text("Small Talk, A. Person (MIT)")).to_be_visible()
            await expect(card.get_by_role("img", name="Learning curve")).to_be_visible()
            heights = await card.locator("circle.val").evaluate_all(
                "all => all.map(one => Number(one.getAttribute('cy')))"
            )
            assert len(heights) == 3
            assert heights == sorted(heights)
            bars = await card.locator(".beside-bars .what").all_text_contents()
            assert bars == ["This network", "PPMd", "Unigram"]
            assert await card.locator("tbody tr").count() == 3
            assert await card.locator(".tag").all_text_contents() == ["serves"]
            await expect(card.locator("tbody tr").last).to_have_text("damagedunknownunknown")
            await expect(card).to_contain_text("2026")
            await expect(card.locator(".runs .refused")).to_contain_text("it copies more: 7% where 5% are allowed")

    run_in_browser(play)


def test_a_retraining_is_followed_live_and_a_new_checkpoint_is_told() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            events = [
                {"type": "retraining", "part": "judging", "share": 0.5, "val_bpb": 1.3},
                {"type": "checkpoint", "id": "20260103-040000"},
            ]
            await made_up(visit.page.context, {**CARD, "retraining": None}, *events)
            await visit.open("#card")
            await expect(visit.page.locator("#toast")).to_contain_text("20260103-040000 serves now")
            await expect(visit.page.locator(".learning")).to_have_text("retraining 50%")
            await made_up(visit.page.context, CARD, {"type": "retraining", "part": None})
            await visit.open("#card")
            await expect(visit.page.locator(".learning")).to_be_hidden()

    run_in_browser(play)


def test_before_a_checkpoint_the_card_says_so() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            none: dict[str, Any] = {
                "checkpoint": None,
                "baselines": None,
                "curve": [],
                "checkpoints": [],
                "runs": [],
                "retraining": None,
            }
            await made_up(visit.page.context, {**CARD, **none})
            await visit.open("#card")
            await expect(visit.page.locator("#card")).to_contain_text("No checkpoint serves yet")

    run_in_browser(play)


def test_the_quiz_keeps_the_score_against_chance(tmp_path: Path) -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await made_up(visit.page.context)
            await visit.open()
            await visit.page.get_by_role("link", name="Real or kim?").click()
            for choice in (1, 1, 0, 1, 1, 1, 1):
                await visit.page.locator(".choice:enabled").nth(choice).click()
                await expect(visit.page.locator(".choice.person .came")).to_have_text(
                    "the person · your choice" if choice else "the person"
                )
                right = "Right: that is the person." if choice else "No: that was kim."
                await expect(visit.page.locator("#quiz .result")).to_have_text(right)
                await visit.page.keyboard.press("Enter")  # "Next two" has the focus
                await expect(visit.page.locator(".choice:enabled")).to_have_count(2)
            await expect(visit.page.locator(".score b")).to_have_text("6 of 7")
            # 8 of 128 ways: 7 with one wrong, 1 with none.
            await expect(visit.page.locator(".score")).to_contain_text("Guessing does as well 6 times in 100")
            await visit.open("#quiz")
            await expect(visit.page.locator(".score b")).to_have_text("6 of 7")

    run_in_browser(play, fake_bot=FakeBot(settings=settings(tmp_path)))


def test_where_the_quiz_is_off_it_is_not_offered() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await made_up(visit.page.context, {**CARD, "quiz": False})
            await visit.open("#quiz")
            await expect(visit.page.locator("#quiz")).to_contain_text("it is off unless config.toml turns it on")
            await expect(visit.page.get_by_role("link", name="Real or dann?")).to_be_hidden()
            assert not [url for url in visit.loaded if url.endswith("/api/quiz")]

    run_in_browser(play)


def test_the_servers_own_card_is_drawn(tmp_path: Path) -> None:
    told = BotSettings.model_validate({"data": {"dir": tmp_path}})
    meta = META.model_copy(update={"baselines": {"ppmd": 1.75}})
    curve = [(1.5, 10, 3.1, 3.0), (3.0, 20, 2.5, 2.6)]
    checkpoint.save(told.data.checkpoints, "20260102-000000", snapshot().model, TOKENIZER, meta, curve)
    checkpoint.publish(told.data.checkpoints, "20260102-000000")

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.open("#card")
            card = visit.page.locator("#card")
            await expect(card.locator(".facts")).to_contain_text("20260102-000000")
            await expect(card.locator("circle.val")).to_have_count(2)
            assert await card.locator(".beside-bars .what").all_text_contents() == ["PPMd", "This network"]
            await expect(card.locator("tbody tr.own")).to_contain_text("2.35")

    run_in_browser(play, lambda: checkpoint.load(told.data.checkpoints), FakeBot(settings=told))


def test_a_retraining_that_begins_and_ends_is_seen_without_a_reload() -> None:
    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            learning = visit.page.locator(".learning")
            await expect(learning).to_be_hidden()
            session.fake_bot.retraining = RetrainProgress("learning", 0.25, 1.5)
            await expect(learning).to_have_text("retraining 25%")
            await learning.click()
            await expect(visit.page.locator("#card .retraining")).to_contain_text("learning, 1.50 bits per byte so far")
            session.fake_bot.retraining = None
            await expect(learning).to_be_hidden()
            await expect(visit.page.get_by_role("progressbar")).to_have_count(0)

    run_in_browser(play)


def test_the_servers_own_quiz_is_played(tmp_path: Path) -> None:
    with open_store(settings(tmp_path).data.store_url) as store, store.writing() as writer:
        writer.add(posts())

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await visit.page.get_by_role("link", name="Real or kim?").click()
            for number in range(1, 4):
                await expect(visit.page.locator(".choice:enabled")).to_have_count(2)
                texts = await visit.page.locator(".choice .text").all_text_contents()
                real = 1 - texts.index(DRAWN)
                assert texts[real] in {*SHOWN, UNASKED}
                await visit.page.locator(".choice").nth(real).click()
                await expect(visit.page.locator(".score b")).to_have_text(f"{number} of {number}")
                await visit.page.get_by_role("button", name="Next two").click()

    run_in_browser(play, lambda: replace(parrot(DRAWN), meta=HELD_OUT), FakeBot(settings=settings(tmp_path)))


def test_a_cliff_does_not_flatten_the_curve_and_its_points_can_be_read(run: Run) -> None:
    cliff = [[0, 0, None, 8.1], [10, 100, 0.45, 0.141], [20, 200, 0.4, 0.139], [30, 300, 0.37, 0.1385]]

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await made_up(visit.page.context, {**CARD, "curve": cliff, "baselines": {}})
            await visit.open("#card")
            circles = visit.page.locator("#card circle.val")
            heights = await circles.evaluate_all("all => all.map(one => Number(one.getAttribute('cy')))")
            assert max(heights) - min(heights) > 40
            values = visit.page.locator("#card .readout")
            await expect(values).to_have_text("After 30 s, step 300 · held-out 0.139 · training 0.370")
            await circles.first.hover()
            await expect(values).to_have_text("After 10 s, step 100 · held-out 0.141 · training 0.450")
            await visit.page.focus("#point")
            await visit.page.keyboard.press("ArrowRight")
            await expect(values).to_contain_text("After 20 s")
            assert "After 20 s" in str(await visit.page.get_attribute("#point", "aria-valuetext"))

    run(play)


def test_figures_have_as_many_digits_as_tell_them_apart(run: Run) -> None:
    verdict = {**CARD["runs"][1], "candidate_bpb": 0.1381, "incumbent_bpb": 0.1384}

    async def play(session: BrowserSession) -> None:
        async with session.visit() as visit:
            await made_up(visit.page.context, {**CARD, "runs": [verdict]})
            await visit.open("#card")
            await expect(visit.page.locator(".runs")).to_contain_text(
                "candidate 0.1381 · incumbent 0.1384 bits per byte"
            )
            await expect(visit.page.locator("tbody")).to_contain_text("1.32")

    run(play)


def test_the_quiz_asks_again_by_itself(tmp_path: Path) -> None:
    answers = [503, 503]

    async def answer(route: Route) -> None:
        if answers:
            body = '{"error": {"message": "there is no question at the moment", "code": null}}'
            await route.fulfill(status=answers.pop(), body=body, headers={"Retry-After": "1"})
        else:
            await answer_quiz(route)

    async def play(session: BrowserSession) -> None:
        async with session.visit(complains=True) as visit:
            await made_up(visit.page.context)
            await visit.page.route("**/api/quiz", answer)
            await visit.page.clock.install()
            await visit.page.evaluate("location.hash = '#quiz'")
            for _ in range(2):
                await expect(visit.page.locator("#quiz")).to_contain_text("Looking for two texts…")
                await visit.page.clock.run_for(1100)
            await expect(visit.page.locator(".choice:enabled")).to_have_count(2)
            assert not answers

    run_in_browser(play, fake_bot=FakeBot(settings=settings(tmp_path)))
