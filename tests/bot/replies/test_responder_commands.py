"""`/dann` and `/dann-admin`: the lines of docs/behaviour.md that hold on every platform, each a test."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.replies import phrases
from bot.replies.types import Command, Reply
from model.config import SamplingParams
from model.engine.engine import Turn
from tests.bot.replies.responder_harness import COMMAND, OWNER, ResponderHarness, run_scenario
from tests.bot.scripted_engine import ANN, GROUP, ME, PRIVATE, SAM, TELEGRAM, said, snapshot


def test_dann_answers_its_words_by_its_options_and_says_how_to_get_it_again() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_message(GROUP, said("x", "something else", time=990))
        assert await s.ask("a", "/dann hey", asked=COMMAND) == Reply("sure", footer="temp=1.25 seed=7 · checkpoint one")
        (request,) = s.engine.requests
        assert request.conversation == [Turn(mine=False, text="hey")]
        assert (request.params, request.seed) == (COMMAND.params, 7)

    run_scenario(scene)


def test_the_same_seed_gives_the_same_text_whoever_asks_and_whatever_was_said_meanwhile() -> None:
    def says(talk: Sequence[Turn], params: SamplingParams, seed: int) -> str:
        return "" if seed == 7 else f"Ann: {len(talk)} {params.temperature} {seed}"

    async def scene(s: ResponderHarness) -> None:
        s.engine.says = says
        first = await s.ask("a", asked=COMMAND)
        s.responder.on_message(GROUP, said("own", first.text if first else "", ME, 1001))
        assert await s.ask("b", author=ANN, asked=COMMAND, time=1002.0) == first
        assert await s.ask("c", author=ANN, asked=COMMAND, channel=PRIVATE) == first

    run_scenario(scene)


def test_a_seed_is_drawn_and_told_where_none_was_asked_for() -> None:
    async def scene(s: ResponderHarness) -> None:
        replies = [await s.ask(str(n), asked=replace(COMMAND, seed=None)) for n in range(3)]
        seeds = [request.seed for request in s.engine.requests]
        assert len(set(seeds)) == 3
        assert [reply.footer for reply in replies if reply] == [f"temp=1.25 seed={n} · checkpoint one" for n in seeds]

    run_scenario(scene)


def test_the_footer_names_what_is_not_the_default_and_can_be_switched_off() -> None:
    params = SamplingParams(temperature=0, top_p=1 / 3, max_tokens=1000, guidance=0.5, candidates=2)

    async def scene(s: ResponderHarness) -> None:
        reply = await s.ask("a", asked=Command("", params, 1))
        assert reply
        assert (
            reply.footer == "temp=0 top_p=0.333333333333 length=1000 guidance=0.5 candidates=2 seed=1 · checkpoint one"
        )

    async def off(s: ResponderHarness) -> None:
        assert await s.ask("a", asked=COMMAND) == Reply("sure")

    run_scenario(scene)
    run_scenario(off, footer=False)


def test_an_answer_to_a_mention_has_no_footer_and_a_seed_of_its_own() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a") == Reply("sure")
        assert await s.ask("b") == Reply("sure")
        assert s.engine.requests[0].seed != s.engine.requests[1].seed

    run_scenario(scene)


def test_dann_admin_is_for_owners_alone_and_always_private() -> None:
    async def scene(s: ResponderHarness) -> None:
        for author in (ANN, replace(SAM, is_bot=True)):
            refused = await s.responder.admin(GROUP, author, "pause", "")
            assert refused == Reply(phrases.OWNERS_ONLY, private=True, refused=True)
        assert (await s.responder.admin(TELEGRAM, SAM, "pause", "")).refused
        assert await s.ask("a")
        status = await s.responder.admin(GROUP, SAM, "status", "")
        assert status.private
        assert not status.refused
        assert ", 1 answered, 1 being drawn, 2 waiting" in status.text
        unknown = await s.responder.admin(GROUP, SAM, "dance", "")
        assert unknown.refused
        assert "status" in unknown.text

    run_scenario(scene, **OWNER)


def test_paused_it_says_so_once_a_minute_and_resumes() -> None:
    async def scene(s: ResponderHarness) -> None:
        await s.responder.admin(GROUP, SAM, "pause", "")
        assert await s.ask("a") == Reply(phrases.PAUSED, private=True, refused=True)
        assert await s.ask("b") is None
        assert await s.ask("c", author=ANN) == Reply(phrases.PAUSED, private=True, refused=True)
        assert await s.responder.remark(GROUP, said("d"), addressed=False) is None
        assert s.engine.requests == []
        await s.responder.admin(GROUP, SAM, "resume", "")
        assert await s.ask("e") == Reply("sure")

    run_scenario(scene, **OWNER)


def test_an_order_that_fails_is_logged_and_told_without_details(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.snapshot = None  # type: ignore[assignment]
        reply = await s.responder.admin(GROUP, SAM, "status", "")
        assert reply == Reply(phrases.FAILED, private=True, refused=True)
        assert "Traceback" in caplog.text

    run_scenario(scene, **OWNER)


def test_what_is_under_way_ends_on_the_checkpoint_it_began_with_and_the_footer_says_so() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.ask("a", asked=COMMAND) == Reply("sure", footer="temp=1.25 seed=7 · checkpoint one")
        under_way = await s.begun("b", asked=COMMAND)
        await s.engine.swap(snapshot("two"))
        s.engine.go.set()
        s.engine.says = lambda *_: "well"
        assert await under_way == Reply("well", footer="temp=1.25 seed=7 · checkpoint one")
        assert await s.ask("c", asked=COMMAND) == Reply("well", footer="temp=1.25 seed=7 · checkpoint two")
        assert [request.seed for request in s.engine.requests] == [7, 7, 7]

    run_scenario(scene)
