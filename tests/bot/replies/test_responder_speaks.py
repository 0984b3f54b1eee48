"""When dann speaks: the lines of docs/behaviour.md that hold on every platform, each a test."""

import asyncio
from typing import Any

import pytest

from bot.replies.responder import Responder
from bot.replies.types import Replier, Reply
from tests.bot.replies.responder_harness import COMMAND, ResponderHarness, broken, run_scenario
from tests.bot.scripted_engine import (
    ANN,
    BOT,
    GROUP,
    ME,
    PRIVATE,
    TELEGRAM,
    ScriptedEngine,
    build_responder,
    mention,
    said,
    settings,
)


def test_a_responder_is_what_platforms_ask_for() -> None:
    async def scene(s: ResponderHarness) -> None:
        answers: Replier = s.responder
        assert await answers.answer(mention("a")) == Reply("sure")

    run_scenario(scene)


def test_a_mention_is_answered_and_an_empty_one_too() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a", "how are you") == Reply("sure")
        s.responder.on_message(GROUP, said("own", "sure", ME, 1001))
        assert await s.ask("b", " ", time=1002.0) == Reply("sure")
        assert s.engine.texts == [["how are you"], ["how are you", "sure"]]
        assert await s.ask("c", "", channel=PRIVATE) == Reply("sure")
        assert s.engine.texts[-1] == []

    run_scenario(scene)


def test_never_to_itself_and_never_to_bots() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a", author=ME) is None
        assert await s.ask("b", author=BOT) is None
        assert s.engine.requests == []

    run_scenario(scene)


def test_bots_on_the_allow_list_get_few_answers_in_a_row() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert [bool(await s.ask(str(n), author=BOT)) for n in range(4)] == [True, True, False, False]
        assert await s.ask("person")
        assert await s.ask("again", author=BOT)

    run_scenario(scene, discord={"allow_bots": ["9"]}, bot_exchanges=2)


def test_never_to_an_edited_copy_of_what_was_answered_and_never_twice_to_one_event() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a", "hi")
        s.responder.on_edit(GROUP, "a", "hi there")
        assert await s.responder.answer(mention("a", "hi there")) is None
        assert await s.ask("a", "hi") is None
        assert await s.ask("a", "hi", channel=TELEGRAM)
        both = await asyncio.gather(s.ask("b"), s.ask("b"))
        assert sorted(map(bool, both)) == [False, True]

    run_scenario(scene)


def test_what_was_edited_is_read_as_it_is_now() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_message(GROUP, said("x", "old", time=990))
        s.responder.on_edit(GROUP, "x", "new")
        await s.ask("a", "hi")
        assert s.engine.texts == [["new", "hi"]]

    run_scenario(scene)


def test_a_message_deleted_before_or_during_the_answer_gets_none() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_delete(GROUP, "a")
        assert await s.ask("a") is None
        under_way, other = await s.begun("b"), await s.begun("c", author=ANN)
        s.responder.on_delete(GROUP, "b")
        assert await under_way is None
        s.engine.go.set()
        assert await other == Reply("sure")
        assert [request.cancelled for request in s.engine.requests] == [True, False]
        assert s.engine.texts[-1] == ["hi", "hi"]

    run_scenario(scene)


def test_a_message_deleted_at_the_last_moment_gets_no_answer_either() -> None:
    async def scene(s: ResponderHarness) -> None:
        for moment in range(10):
            under_way = await s.begun(str(moment))
            s.engine.go.set()
            for _ in range(moment):
                await asyncio.sleep(0)
            in_time = not under_way.done()
            s.responder.on_delete(GROUP, str(moment))
            assert await under_way == (None if in_time else Reply("sure"))
        assert not in_time

    run_scenario(scene)


def test_unsolicited_remarks_are_off() -> None:
    async def scene() -> None:
        responder = build_responder(Responder, ScriptedEngine(), settings())
        assert await responder.remark(GROUP, said("a"), addressed=False) is None

    asyncio.run(scene())


def test_a_remark_is_made_like_an_answer_and_keeps_quiet_about_what_goes_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_message(GROUP, said("x", "did you see that", time=990))
        s.responder.on_message(GROUP, said("a", "wow"))
        assert await s.responder.remark(GROUP, said("a", "wow"), addressed=False) == Reply("sure")
        assert s.engine.texts == [["did you see that", "wow"]]
        assert await s.responder.remark(GROUP, said("a", "wow"), addressed=False) is None
        assert await s.responder.remark(GROUP, said("b"), addressed=True) is None
        assert await s.responder.remark(PRIVATE, said("c"), addressed=False) is None
        s.engine.full = True
        assert await s.responder.remark(GROUP, said("d"), addressed=False) is None
        s.engine.full = False
        s.engine.says = broken
        assert await s.responder.remark(GROUP, said("e"), addressed=False) is None
        assert "Traceback" in caplog.text

    run_scenario(scene)


def test_a_remark_keeps_to_the_lists_of_who_is_answered() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.responder.remark(GROUP, said("a"), addressed=False) is None

    run_scenario(scene, discord={"deny_users": ["1"]})


@pytest.mark.parametrize(
    "lists",
    [
        {"allow_guilds": ["99"]}, {"deny_guilds": ["20"]}, {"allow_channels": ["99"]},
        {"deny_channels": ["10"]}, {"allow_roles": ["31"]}, {"allow_users": ["2"]}, {"deny_users": ["1"]},
    ],
    ids=str,
)  # fmt: skip
def test_allow_and_deny_lists_keep_it_silent(lists: dict[str, Any]) -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a") is None
        assert await s.ask("b", asked=COMMAND) is None

    run_scenario(scene, discord=lists)
