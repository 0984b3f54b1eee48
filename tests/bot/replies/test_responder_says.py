"""What dann says: the lines of docs/behaviour.md that hold on every platform, each a test."""

import asyncio
import re
from dataclasses import replace

import pytest

from bot.replies import phrases
from bot.replies.responder import Responder
from bot.replies.sanitize import ZERO_WIDTH_SPACE
from bot.replies.types import Channel, Reply
from model.engine.engine import Turn
from tests.bot.replies.responder_harness import ResponderHarness, run_scenario
from tests.bot.scripted_engine import (
    ANN,
    GROUP,
    ME,
    PRIVATE,
    SAM,
    TELEGRAM,
    ScriptedEngine,
    build_responder,
    mention,
    said,
    settings,
)


def test_the_prompt_is_the_reply_chain_then_the_last_messages_then_the_mention() -> None:
    async def scene(s: ResponderHarness) -> None:
        for number in range(5):
            s.responder.on_message(GROUP, said(str(number), f"m{number}", ANN, 990.0 + number))
        s.responder.on_message(GROUP, said("own", "mine", ME, 996.0))
        chain = (said("old", "long ago", SAM, 100.0), said("4", "m4", ANN, 994.0))
        await s.ask("a", "and now", chain=chain)
        (request,) = s.engine.requests
        words = ["long ago", "m0", "m1", "m2", "m3", "m4", "mine", "and now"]
        assert request.conversation == [Turn(mine=word == "mine", text=word) for word in words]

    run_scenario(scene, history_messages=6)


def test_only_the_last_minutes_are_read() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_message(GROUP, said("x", "before lunch", time=1000 - 301))
        s.responder.on_message(GROUP, said("y", "after lunch", time=1000 - 299))
        await s.ask("a", "hi")
        assert s.engine.texts == [["after lunch", "hi"]]

    run_scenario(scene, history_minutes=5)


def test_what_was_said_in_a_direct_message_never_reaches_a_group() -> None:
    async def scene(s: ResponderHarness) -> None:
        same_id = Channel("discord", "10", private=True)
        thread = replace(GROUP, thread="t")
        for channel in (PRIVATE, same_id, thread, TELEGRAM):
            await s.ask("secret", f"secret of {channel}", channel=channel)
        await s.ask("a", "hi")
        assert s.engine.texts[-1] == ["hi"]
        await s.ask("b", "hi", channel=thread)
        assert s.engine.texts[-1] == [f"secret of {thread}", "hi"]

    run_scenario(scene)


def test_one_authors_turn_without_tags_and_without_the_other_sides_lines() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.says = lambda *_: "dann: yeah\nso true\nann: what\ndann: nothing"
        s.responder.on_message(GROUP, said("x", "hm", ANN, 990))
        assert await s.ask("a") == Reply("yeah\nso true")

    run_scenario(scene)


def test_the_personas_name_is_the_settings() -> None:
    async def scene() -> None:
        engine = ScriptedEngine(lambda *_: "lex: hey")
        named = settings().model_copy(update={"persona": settings().persona.model_copy(update={"name": "Lex"})})
        assert await build_responder(Responder, engine, named).answer(mention("a")) == Reply("hey")

    asyncio.run(scene())


@pytest.mark.parametrize("empty", ["", " \n", "\u200b\u3164", "Sam:", "https://a.example", "\0"])
def test_never_empty(empty: str) -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.says = lambda *_: empty
        assert await s.ask("a") == Reply(phrases.NOTHING_TO_SAY)
        assert len(s.engine.requests) == 3
        s.engine.says = lambda _, params, __: empty if params.max_tokens > 30 else "cooler"
        assert await s.ask("b") == Reply("cooler")

    run_scenario(scene, draws=2)


def test_no_pings() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.says = lambda *_: "@everyone <@1> <@!1> <@&1> <#1> @sam"
        reply = await s.ask("a")
        assert reply
        assert reply.text.replace(ZERO_WIDTH_SPACE, "") == "@everyone <@1> <@!1> <@&1> <#1> @sam"
        assert not re.search(r"@\w|<[@#]", reply.text)

    run_scenario(scene)


def test_links_are_off_unless_configured_on() -> None:
    async def off(s: ResponderHarness) -> None:
        s.engine.says = lambda *_: "see https://a.example"
        assert await s.ask("a") == Reply("see")

    async def on(s: ResponderHarness) -> None:
        s.engine.says = lambda *_: "see https://a.example"
        assert await s.ask("a") == Reply("see https://a.example")

    run_scenario(off)
    run_scenario(on, links=True)


def test_its_own_defused_words_are_read_as_it_meant_them() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_message(GROUP, said("own", f"@{ZERO_WIDTH_SPACE}ann lol", ME, 990))
        await s.ask("a")
        assert s.engine.texts == [["@ann lol", "hi"]]

    run_scenario(scene)


def test_instead_of_a_reply_that_the_guard_ended_there_is_a_neutral_line_and_unasked_nothing() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.finish_reason = "content_filter"
        assert await s.ask("a") == Reply(phrases.NEUTRAL, private=True, refused=True)
        assert len(s.engine.requests) == 1, "it is not drawn again: another seed would get as far"
        assert await s.responder.remark(GROUP, said("b"), addressed=False) is None
        assert len(s.engine.requests) == 2

    run_scenario(scene)
