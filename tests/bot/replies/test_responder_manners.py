"""How dann keeps its manners under load: the lines of docs/behaviour.md that hold on every platform, each a test."""

import asyncio
import logging

import pytest

from bot.replies import phrases
from bot.replies.types import Author, Reply
from tests.bot.replies.responder_harness import OWNER, ResponderHarness, broken, run_scenario
from tests.bot.scripted_engine import ANN, BOT, GROUP, PRIVATE, said


def test_over_the_cooldown_it_says_how_long_to_wait_once_a_minute() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a") == Reply("sure")
        s.clock.now = 2.5
        assert await s.ask("b") == Reply("give me 8 seconds, then ask again", private=True, refused=True)
        assert await s.ask("c", channel=PRIVATE) is None
        assert await s.ask("d", author=ANN) == Reply("sure")
        s.clock.now = 10.0
        assert await s.ask("e") == Reply("sure")
        s.clock.now = 19.5
        assert await s.ask("f") is None
        s.clock.now = 60.0
        assert await s.ask("g") == Reply("sure")
        s.clock.now = 69.5
        assert await s.ask("h") == Reply("give me 1 second, then ask again", private=True, refused=True)

    run_scenario(scene, cooldown_seconds=10)


def test_owners_need_not_wait() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a") == await s.ask("b") == Reply("sure")

    run_scenario(scene, cooldown_seconds=10, **OWNER)


def test_a_full_queue_is_said_kindly_and_starts_no_cooldown() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.full = True
        assert await s.ask("a") == Reply(phrases.busy(1), private=True, refused=True)
        assert await s.ask("b") is None
        s.engine.full = False
        assert await s.ask("c") == Reply("sure")

    run_scenario(scene, cooldown_seconds=10)


def test_the_seconds_to_wait_for_a_full_queue_are_those_of_the_last_answer() -> None:
    async def scene(s: ResponderHarness) -> None:
        for number, (seconds, told) in enumerate([(0.0, 1), (4.2, 5), (1000.0, 60)]):
            answer = await s.begun(f"a{number}")
            s.clock.now += seconds
            s.engine.go.set()
            await answer
            s.engine.full = True
            s.clock.now += 61
            assert await s.ask(f"b{number}") == Reply(phrases.busy(told), private=True, refused=True)
            s.engine.full = False

    run_scenario(scene)


def test_bots_are_not_told_to_wait() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a", author=BOT)
        assert await s.ask("b", author=BOT) is None

    run_scenario(scene, cooldown_seconds=10, discord={"allow_bots": ["9"]})


def test_an_error_is_logged_with_its_traceback_and_told_in_one_line_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.says = broken
        with caplog.at_level(logging.DEBUG):
            reply = await s.ask("a", "my secret words")
        assert reply == Reply(phrases.FAILED, private=True, refused=True)
        (record,) = caplog.records
        assert record.name == "dann"
        assert "RuntimeError: the engine is on fire" in caplog.text
        assert "Traceback" in caplog.text
        assert "secret" not in caplog.text
        s.engine.says = lambda *_: "back again"
        assert await s.ask("b") == Reply("back again")

    run_scenario(scene)


def test_a_bot_is_not_told_of_an_error() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.says = broken
        assert await s.ask("a", author=BOT) is None

    run_scenario(scene, discord={"allow_bots": ["9"]})


def test_many_mentions_at_once_are_each_answered_once() -> None:
    async def scene(s: ResponderHarness) -> None:
        people = [Author(str(number), f"p{number}") for number in range(200)]
        replies = await asyncio.gather(*(s.ask(f"m{n}", f"hi {n}", person) for n, person in enumerate(people)))
        assert replies == [Reply("sure")] * 200
        assert len(s.engine.requests) == 200

    run_scenario(scene)


def test_stopping_takes_no_more_mentions_and_finishes_what_is_under_way() -> None:
    async def scene(s: ResponderHarness) -> None:
        under_way = await s.begun("a")
        draining = asyncio.create_task(s.responder.drain(60))
        await asyncio.sleep(0.01)
        assert await s.ask("b") is None
        assert await s.responder.remark(GROUP, said("c"), addressed=False) is None
        assert not draining.done()
        s.engine.go.set()
        await draining
        assert await under_way == Reply("sure")
        await s.responder.drain(60)

    run_scenario(scene)


def test_stopping_gives_up_what_takes_too_long() -> None:
    async def scene(s: ResponderHarness) -> None:
        under_way = await s.begun("a")
        await s.responder.drain(0.01)
        assert await under_way is None
        assert s.engine.requests[0].cancelled

    run_scenario(scene)


def test_whoever_no_longer_waits_for_an_answer_frees_the_engine() -> None:
    async def scene(s: ResponderHarness) -> None:
        under_way = await s.begun("a")
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        await asyncio.sleep(0)
        assert s.engine.requests[0].cancelled

    run_scenario(scene)
