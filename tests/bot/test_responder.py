"""How dann behaves in a chat, line by line of what holds on every platform, over an engine that says what it is told."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot import lines
from bot.config import RemarksConfig
from bot.hygiene import BREAK
from bot.mention import Answers, Asked, Author, Mention, Place, Reply
from bot.remarks import Remarks
from bot.responder import Responder
from model.config import SamplingParams
from model.engine import Turn
from tests.bot.made import (
    ANN,
    BOT,
    GROUP,
    ME,
    PRIVATE,
    SAM,
    TELEGRAM,
    Clock,
    ScriptedEngine,
    mention,
    said,
    settings,
    snapshot,
)  # fmt: skip

OWNER = {"discord": {"owners": ["1"]}}
ASKED = Asked("hey", SamplingParams(temperature=1.25), 7)


class Scene:
    """A responder, its engine and a clock, all on one loop."""

    def __init__(self, **bot: Any) -> None:
        self.engine = ScriptedEngine()
        self.clock = Clock()
        remarks = Remarks(RemarksConfig.model_validate({"chance": 1, "chats": ["room"]}), local_hour=lambda: 12)
        self.responder = Responder(self.engine, settings(**bot), remarks=remarks, clock=self.clock)

    async def ask(self, id_: str, text: str = "hi", author: Author = SAM, **more: Any) -> Reply | None:
        """A mention as platforms hand it over: heard, then to be answered."""
        return await self.tell(mention(id_, text, author, **more))

    async def tell(self, wanted: Mention) -> Reply | None:
        self.responder.heard(wanted.place, wanted.said)
        return await self.responder.answer(wanted)


def played(scene: Callable[[Scene], Awaitable[None]], **bot: Any) -> None:
    """Run a scene to its end, leaving nothing under way."""

    async def run() -> None:
        await scene(Scene(**bot))
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_a_responder_is_what_platforms_ask_for() -> None:
    async def scene(s: Scene) -> None:
        answers: Answers = s.responder
        assert await answers.answer(mention("a")) == Reply("sure")

    played(scene)


# When it speaks


def test_a_mention_is_answered_and_an_empty_one_too() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a", "how are you") == Reply("sure")
        s.responder.heard(GROUP, said("own", "sure", ME, 1001))
        assert await s.ask("b", " ", time=1002.0) == Reply("sure")
        assert s.engine.texts == [["how are you"], ["how are you", "sure"]]
        assert await s.ask("c", "", place=PRIVATE) == Reply("sure")
        assert s.engine.texts[-1] == []

    played(scene)


def test_never_to_itself_and_never_to_bots() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a", author=ME) is None
        assert await s.ask("b", author=BOT) is None
        assert s.engine.requests == []

    played(scene)


def test_bots_on_the_allow_list_get_few_answers_in_a_row() -> None:
    async def scene(s: Scene) -> None:
        assert [bool(await s.ask(str(n), author=BOT)) for n in range(4)] == [True, True, False, False]
        assert await s.ask("person")
        assert await s.ask("again", author=BOT)

    played(scene, discord={"allow_bots": ["9"]}, bot_exchanges=2)


def test_never_to_an_edited_copy_of_what_was_answered_and_never_twice_to_one_event() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a", "hi")
        s.responder.edited(GROUP, "a", "hi there")
        assert await s.responder.answer(mention("a", "hi there")) is None
        assert await s.ask("a", "hi") is None
        assert await s.ask("a", "hi", place=TELEGRAM)
        both = await asyncio.gather(s.ask("b"), s.ask("b"))
        assert sorted(map(bool, both)) == [False, True]

    played(scene)


def test_what_was_edited_is_read_as_it_is_now() -> None:
    async def scene(s: Scene) -> None:
        s.responder.heard(GROUP, said("x", "old", time=990))
        s.responder.edited(GROUP, "x", "new")
        await s.ask("a", "hi")
        assert s.engine.texts == [["new", "hi"]]

    played(scene)


def test_a_message_deleted_before_or_during_the_answer_gets_none() -> None:
    async def scene(s: Scene) -> None:
        s.responder.deleted(GROUP, "a")
        assert await s.ask("a") is None
        s.engine.go.clear()
        under_way = asyncio.create_task(s.ask("b"))
        other = asyncio.create_task(s.ask("c", author=ANN))
        await asyncio.sleep(0.01)
        s.responder.deleted(GROUP, "b")
        assert await under_way is None
        s.engine.go.set()
        assert await other == Reply("sure")
        assert [request.cancelled for request in s.engine.requests] == [True, False]
        assert s.engine.texts[-1] == ["hi", "hi"]

    played(scene)


def test_a_message_deleted_at_the_last_moment_gets_no_answer_either() -> None:
    async def scene(s: Scene) -> None:
        for moment in range(10):
            s.engine.go.clear()
            under_way = asyncio.create_task(s.ask(str(moment)))
            await asyncio.sleep(0.01)
            s.engine.go.set()
            for _ in range(moment):
                await asyncio.sleep(0)
            in_time = not under_way.done()
            s.responder.deleted(GROUP, str(moment))
            assert await under_way == (None if in_time else Reply("sure"))
        assert not in_time

    played(scene)


def test_unsolicited_remarks_are_off() -> None:
    async def scene() -> None:
        responder = Responder(ScriptedEngine(), settings())
        assert await responder.remark(GROUP, said("a"), addressed=False) is None

    asyncio.run(scene())


def test_a_remark_is_made_like_an_answer_and_keeps_quiet_about_what_goes_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(s: Scene) -> None:
        s.responder.heard(GROUP, said("x", "did you see that", time=990))
        s.responder.heard(GROUP, said("a", "wow"))
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

    played(scene)


def test_a_remark_keeps_to_the_lists_of_who_is_answered() -> None:
    async def scene(s: Scene) -> None:
        assert await s.responder.remark(GROUP, said("a"), addressed=False) is None

    played(scene, discord={"deny_users": ["1"]})


@pytest.mark.parametrize(
    "lists",
    [
        {"allow_guilds": ["other"]}, {"deny_guilds": ["server"]}, {"allow_channels": ["other"]},
        {"deny_channels": ["room"]}, {"allow_roles": ["r"]}, {"allow_users": ["2"]}, {"deny_users": ["1"]},
    ],
    ids=str,
)  # fmt: skip
def test_allow_and_deny_lists_keep_it_silent(lists: dict[str, Any]) -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a") is None
        assert await s.ask("b", asked=ASKED) is None

    played(scene, discord=lists)


# What it says


def test_the_prompt_is_the_reply_chain_then_the_last_messages_then_the_mention() -> None:
    async def scene(s: Scene) -> None:
        for number in range(5):
            s.responder.heard(GROUP, said(str(number), f"m{number}", ANN, 990.0 + number))
        s.responder.heard(GROUP, said("own", "mine", ME, 996.0))
        chain = (said("old", "long ago", SAM, 100.0), said("4", "m4", ANN, 994.0))
        await s.ask("a", "and now", chain=chain)
        (request,) = s.engine.requests
        words = ["long ago", "m1", "m2", "m3", "m4", "mine", "and now"]
        assert request.conversation == [Turn(mine=word == "mine", text=word) for word in words]

    played(scene, history_messages=5)


def test_only_the_last_minutes_are_read() -> None:
    async def scene(s: Scene) -> None:
        s.responder.heard(GROUP, said("x", "before lunch", time=1000 - 301))
        s.responder.heard(GROUP, said("y", "after lunch", time=1000 - 299))
        await s.ask("a", "hi")
        assert s.engine.texts == [["after lunch", "hi"]]

    played(scene, history_minutes=5)


def test_what_was_said_in_a_direct_message_never_reaches_a_group() -> None:
    async def scene(s: Scene) -> None:
        same_id = Place("discord", "room", private=True)
        thread = replace(GROUP, thread="t")
        for place in (PRIVATE, same_id, thread, TELEGRAM):
            await s.ask("secret", f"secret of {place}", place=place)
        await s.ask("a", "hi")
        assert s.engine.texts[-1] == ["hi"]
        await s.ask("b", "hi", place=thread)
        assert s.engine.texts[-1] == [f"secret of {thread}", "hi"]

    played(scene)


def test_one_authors_turn_without_tags_and_without_the_other_sides_lines() -> None:
    async def scene(s: Scene) -> None:
        s.engine.says = lambda *_: "dann: yeah\nso true\nann: what\ndann: nothing"
        s.responder.heard(GROUP, said("x", "hm", ANN, 990))
        assert await s.ask("a") == Reply("yeah\nso true")

    played(scene)


def test_the_personas_name_is_the_settings() -> None:
    async def scene() -> None:
        engine = ScriptedEngine(lambda *_: "lex: hey")
        named = settings().model_copy(update={"persona": settings().persona.model_copy(update={"name": "Lex"})})
        assert await Responder(engine, named).answer(mention("a")) == Reply("hey")

    asyncio.run(scene())


@pytest.mark.parametrize("empty", ["", " \n", "\u200b\u3164", "Sam:", "https://a.example", "\0"])
def test_never_empty(empty: str) -> None:
    async def scene(s: Scene) -> None:
        s.engine.says = lambda *_: empty
        assert await s.ask("a") == Reply(lines.NOTHING_TO_SAY)
        assert len(s.engine.requests) == 3
        s.engine.says = lambda _, params, __: empty if params.max_tokens > 30 else "cooler"
        assert await s.ask("b") == Reply("cooler")

    played(scene, draws=2)


def test_no_pings() -> None:
    async def scene(s: Scene) -> None:
        s.engine.says = lambda *_: "@everyone <@1> <@!1> <@&1> <#1> @sam"
        reply = await s.ask("a")
        assert reply
        assert reply.text.replace(BREAK, "") == "@everyone <@1> <@!1> <@&1> <#1> @sam"
        assert not re.search(r"@\w|<[@#]", reply.text)

    played(scene)


def test_links_are_off_unless_configured_on() -> None:
    async def off(s: Scene) -> None:
        s.engine.says = lambda *_: "see https://a.example"
        assert await s.ask("a") == Reply("see")

    async def on(s: Scene) -> None:
        s.engine.says = lambda *_: "see https://a.example"
        assert await s.ask("a") == Reply("see https://a.example")

    played(off)
    played(on, links=True)


# /dann


def test_dann_answers_its_words_by_its_options_and_says_how_to_get_it_again() -> None:
    async def scene(s: Scene) -> None:
        s.responder.heard(GROUP, said("x", "something else", time=990))
        assert await s.ask("a", "/dann hey", asked=ASKED) == Reply("sure", footer="temp=1.25 seed=7 · checkpoint one")
        (request,) = s.engine.requests
        assert request.conversation == [Turn(mine=False, text="hey")]
        assert (request.params, request.seed) == (ASKED.params, 7)

    played(scene)


def test_the_same_seed_gives_the_same_text_whoever_asks_and_whatever_was_said_meanwhile() -> None:
    def says(talk: Sequence[Turn], params: SamplingParams, seed: int) -> str:
        return "" if seed == 7 else f"Ann: {len(talk)} {params.temperature} {seed}"

    async def scene(s: Scene) -> None:
        s.engine.says = says
        first = await s.ask("a", asked=ASKED)
        s.responder.heard(GROUP, said("own", first.text if first else "", ME, 1001))
        assert await s.ask("b", author=ANN, asked=ASKED, time=1002.0) == first
        assert await s.ask("c", author=ANN, asked=ASKED, place=PRIVATE) == first

    played(scene)


def test_a_seed_is_drawn_and_told_where_none_was_asked_for() -> None:
    async def scene(s: Scene) -> None:
        replies = [await s.ask(str(n), asked=replace(ASKED, seed=None)) for n in range(3)]
        seeds = [request.seed for request in s.engine.requests]
        assert len(set(seeds)) == 3
        assert [reply.footer for reply in replies if reply] == [f"temp=1.25 seed={n} · checkpoint one" for n in seeds]

    played(scene)


def test_the_footer_names_what_is_not_the_default_and_can_be_switched_off() -> None:
    params = SamplingParams(temperature=0, top_p=1 / 3, max_tokens=1000)

    async def scene(s: Scene) -> None:
        reply = await s.ask("a", asked=Asked("", params, 1))
        assert reply
        assert reply.footer == "temp=0 top_p=0.333333333333 length=1000 seed=1 · checkpoint one"

    async def off(s: Scene) -> None:
        assert await s.ask("a", asked=ASKED) == Reply("sure")

    played(scene)
    played(off, footer=False)


def test_an_answer_to_a_mention_has_no_footer_and_a_seed_of_its_own() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a") == Reply("sure")
        assert await s.ask("b") == Reply("sure")
        assert s.engine.requests[0].seed != s.engine.requests[1].seed

    played(scene)


def test_dann_admin_is_for_owners_alone_and_always_private() -> None:
    async def scene(s: Scene) -> None:
        for author in (ANN, replace(SAM, is_bot=True)):
            refused = await s.responder.admin(GROUP, author, "pause", "")
            assert refused == Reply(lines.OWNERS_ONLY, private=True, refused=True)
        assert (await s.responder.admin(TELEGRAM, SAM, "pause", "")).refused
        assert await s.ask("a")
        status = await s.responder.admin(GROUP, SAM, "status", "")
        assert status.private
        assert not status.refused
        assert ", 1 answered, 1 being drawn, 2 waiting" in status.text
        unknown = await s.responder.admin(GROUP, SAM, "dance", "")
        assert unknown.refused
        assert "status" in unknown.text

    played(scene, **OWNER)


def test_paused_it_says_so_once_a_minute_and_resumes() -> None:
    async def scene(s: Scene) -> None:
        await s.responder.admin(GROUP, SAM, "pause", "")
        assert await s.ask("a") == Reply(lines.PAUSED, private=True, refused=True)
        assert await s.ask("b") is None
        assert await s.ask("c", author=ANN) == Reply(lines.PAUSED, private=True, refused=True)
        assert await s.responder.remark(GROUP, said("d"), addressed=False) is None
        assert s.engine.requests == []
        await s.responder.admin(GROUP, SAM, "resume", "")
        assert await s.ask("e") == Reply("sure")

    played(scene, **OWNER)


def test_an_order_that_fails_is_logged_and_told_without_details(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(s: Scene) -> None:
        s.engine.snapshot = None  # type: ignore[assignment]
        reply = await s.responder.admin(GROUP, SAM, "status", "")
        assert reply == Reply(lines.FAILED, private=True, refused=True)
        assert "Traceback" in caplog.text

    played(scene, **OWNER)


# How it keeps its manners under load


def test_over_the_cooldown_it_says_how_long_to_wait_once_a_minute() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a") == Reply("sure")
        s.clock.now = 2.5
        assert await s.ask("b") == Reply("give me 8 seconds, then ask again", private=True, refused=True)
        assert await s.ask("c", place=PRIVATE) is None
        assert await s.ask("d", author=ANN) == Reply("sure")
        s.clock.now = 10.0
        assert await s.ask("e") == Reply("sure")
        s.clock.now = 19.5
        assert await s.ask("f") is None
        s.clock.now = 60.0
        assert await s.ask("g") == Reply("sure")
        s.clock.now = 69.5
        assert await s.ask("h") == Reply("give me 1 second, then ask again", private=True, refused=True)

    played(scene, cooldown_seconds=10)


def test_owners_need_not_wait() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a") == await s.ask("b") == Reply("sure")

    played(scene, cooldown_seconds=10, **OWNER)


def test_a_full_queue_is_said_kindly_and_starts_no_cooldown() -> None:
    async def scene(s: Scene) -> None:
        s.engine.full = True
        assert await s.ask("a") == Reply(lines.busy(1), private=True, refused=True)
        assert await s.ask("b") is None
        s.engine.full = False
        assert await s.ask("c") == Reply("sure")

    played(scene, cooldown_seconds=10)


def test_the_seconds_to_wait_for_a_full_queue_are_those_of_the_last_answer() -> None:
    async def scene(s: Scene) -> None:
        for number, (took, told) in enumerate([(0.0, 1), (4.2, 5), (1000.0, 60)]):
            s.engine.go.clear()
            answer = asyncio.create_task(s.ask(f"a{number}"))
            await asyncio.sleep(0.01)
            s.clock.now += took
            s.engine.go.set()
            await answer
            s.engine.full = True
            s.clock.now += 61
            assert await s.ask(f"b{number}") == Reply(lines.busy(told), private=True, refused=True)
            s.engine.full = False

    played(scene)


def test_bots_are_not_told_to_wait() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a", author=BOT)
        assert await s.ask("b", author=BOT) is None

    played(scene, cooldown_seconds=10, discord={"allow_bots": ["9"]})


def broken(*_: object) -> str:
    raise RuntimeError("the engine is on fire")


def test_an_error_is_logged_with_its_traceback_and_told_in_one_line_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(s: Scene) -> None:
        s.engine.says = broken
        with caplog.at_level(logging.DEBUG):
            reply = await s.ask("a", "my secret words")
        assert reply == Reply(lines.FAILED, private=True, refused=True)
        (record,) = caplog.records
        assert record.name == "dann"
        assert "RuntimeError: the engine is on fire" in caplog.text
        assert "Traceback" in caplog.text
        assert "secret" not in caplog.text
        s.engine.says = lambda *_: "back again"
        assert await s.ask("b") == Reply("back again")

    played(scene)


def test_a_bot_is_not_told_of_an_error() -> None:
    async def scene(s: Scene) -> None:
        s.engine.says = broken
        assert await s.ask("a", author=BOT) is None

    played(scene, discord={"allow_bots": ["9"]})


def test_many_mentions_at_once_are_each_answered_once() -> None:
    async def scene(s: Scene) -> None:
        people = [Author(str(number), f"p{number}") for number in range(200)]
        replies = await asyncio.gather(*(s.ask(f"m{n}", f"hi {n}", person) for n, person in enumerate(people)))
        assert replies == [Reply("sure")] * 200
        assert len(s.engine.requests) == 200

    played(scene)


def test_stopping_takes_no_more_mentions_and_finishes_what_is_under_way() -> None:
    async def scene(s: Scene) -> None:
        s.engine.go.clear()
        under_way = asyncio.create_task(s.ask("a"))
        await asyncio.sleep(0.01)
        draining = asyncio.create_task(s.responder.drain(60))
        await asyncio.sleep(0.01)
        assert await s.ask("b") is None
        assert await s.responder.remark(GROUP, said("c"), addressed=False) is None
        assert not draining.done()
        s.engine.go.set()
        await draining
        assert await under_way == Reply("sure")
        await s.responder.drain(60)

    played(scene)


def test_stopping_gives_up_what_takes_too_long() -> None:
    async def scene(s: Scene) -> None:
        s.engine.go.clear()
        under_way = asyncio.create_task(s.ask("a"))
        await asyncio.sleep(0.01)
        await s.responder.drain(0.01)
        assert await under_way is None
        assert s.engine.requests[0].cancelled

    played(scene)


def test_whoever_no_longer_waits_for_an_answer_frees_the_engine() -> None:
    async def scene(s: Scene) -> None:
        s.engine.go.clear()
        under_way = asyncio.create_task(s.ask("a"))
        await asyncio.sleep(0.01)
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        await asyncio.sleep(0)
        assert s.engine.requests[0].cancelled

    played(scene)


# What it reads of its own


def test_its_own_defused_words_are_read_as_it_meant_them() -> None:
    async def scene(s: Scene) -> None:
        s.responder.heard(GROUP, said("own", f"@{BREAK}ann lol", ME, 990))
        await s.ask("a")
        assert s.engine.texts == [["@ann lol", "hi"]]

    played(scene)


def test_the_checkpoint_in_the_footer_is_the_one_that_drew_all_of_it() -> None:
    async def scene(s: Scene) -> None:
        assert await s.ask("a", asked=ASKED) == Reply("sure", footer="temp=1.25 seed=7 · checkpoint one")
        s.engine.go.clear()
        under_way = asyncio.create_task(s.ask("b", asked=ASKED))
        await asyncio.sleep(0.01)
        await s.engine.swap(snapshot("two"))
        s.engine.go.set()
        s.engine.says = lambda *_: "well"
        assert await under_way == Reply("well", footer="temp=1.25 seed=7 · checkpoint two")
        assert [request.seed for request in s.engine.requests] == [7, 7, 7]

    played(scene)
