"""From a conversation to words that can be shown: bounded draws, reproducible, never empty."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies import phrases
from bot.replies.generate import FALLBACK_TEMPERATURE, FALLBACK_TOKENS, DrawnReply, derived_seed, draw
from bot.replies.in_flight import InFlight
from model.config import SamplingParams
from model.engine.engine import EngineFull, Turn
from tests.bot.scripted_engine import Says, ScriptedEngine, snapshot

PARAMS = SamplingParams(temperature=1.5, max_tokens=100)
NAMES = ("dann", "Sam")


def drawn(engine: ScriptedEngine, seed: int = 7, draws: int = 3, links: bool = False) -> DrawnReply:
    talk = [Turn(mine=False, text="hey")]
    return asyncio.run(draw(engine, talk, PARAMS, seed, names=NAMES, draws=draws, links=links))


def one_after_another(*texts: str) -> Says:
    left = list(texts)
    return lambda *_: left.pop(0)


def test_what_can_be_shown_is_shown_and_says_where_it_comes_from() -> None:
    engine = ScriptedEngine(lambda *_: "dann: sure\nSam: ok")
    assert drawn(engine) == DrawnReply("sure", "one")
    (request,) = engine.requests
    assert (request.params, request.seed, request.conversation) == (PARAMS, 7, [Turn(mine=False, text="hey")])


def test_links_are_shown_where_configured() -> None:
    assert drawn(ScriptedEngine(lambda *_: "see https://a.example"), links=True).text == "see https://a.example"
    assert drawn(ScriptedEngine(lambda *_: "see https://a.example")).text == "see"


def test_where_nothing_is_left_it_draws_again_with_seeds_that_follow_from_the_first() -> None:
    engine = ScriptedEngine(one_after_another("https://a.example", "\u200b", "fine", "never"))
    assert drawn(engine).text == "fine"
    assert [request.seed for request in engine.requests] == [7, derived_seed(7, 1), derived_seed(7, 2)]
    assert (
        len({derived_seed(7, number) for number in range(20)} | {derived_seed(8, number) for number in range(20)}) == 40
    )


def test_then_shorter_and_cooler_and_at_last_something_that_is_never_empty() -> None:
    engine = ScriptedEngine(lambda *_: "Sam:")
    assert drawn(engine).text == phrases.NOTHING_TO_SAY
    assert [request.params.temperature for request in engine.requests] == [1.5, 1.5, 1.5, FALLBACK_TEMPERATURE]
    assert [request.params.max_tokens for request in engine.requests] == [100, 100, 100, FALLBACK_TOKENS]
    cool = ScriptedEngine(lambda _, params, __: "" if params.temperature > 1 else "ok")
    assert drawn(cool, draws=1).text == "ok"


def test_it_begins_anew_where_another_checkpoint_came_between_two_draws() -> None:
    """Nothing of the first could be shown; the second alone would be no reply that anybody could have again."""
    texts = iter(["", "from the second draw", "from the first"])

    def says(*_: object) -> str:
        engine.snapshot = snapshot("two")
        return next(texts)

    engine = ScriptedEngine(says)
    assert drawn(engine) == DrawnReply("from the first", "two")
    assert [request.seed for request in engine.requests] == [7, derived_seed(7, 1), 7]


@given(st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_every_seed_can_be_asked_for(seed: int, number: int) -> None:
    assert 0 <= derived_seed(seed, number) < 2**32


def test_the_same_seed_gives_the_same_text() -> None:
    def says(_: Sequence[Turn], __: SamplingParams, seed: int) -> str:
        return "" if seed % 3 else f"number {seed}"

    for seed in range(20):
        assert drawn(ScriptedEngine(says), seed) == drawn(ScriptedEngine(says), seed)


def test_a_full_engine_is_no_error_of_this_file() -> None:
    engine = ScriptedEngine()
    engine.full = True
    with pytest.raises(EngineFull):
        drawn(engine)


def test_whoever_stops_waiting_frees_the_engine() -> None:
    async def scene() -> bool:
        engine = ScriptedEngine()
        engine.go.clear()
        task = asyncio.create_task(draw(engine, [], PARAMS, 1, names=NAMES, draws=1, links=False))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return engine.requests[0].cancelled

    assert asyncio.run(scene())


def test_work_under_way_ends_with_whoever_waits_for_it() -> None:
    async def scene() -> list[object]:
        under_way: InFlight[None] = InFlight()
        waiting = asyncio.create_task(under_way.run("a", asyncio.sleep(1000)))
        ended = asyncio.create_task(under_way.run("b", asyncio.sleep(1000)))
        await asyncio.sleep(0)
        assert len(under_way) == 2
        waiting.cancel()
        under_way.cancel("b")
        under_way.cancel("unknown")
        found = await asyncio.gather(waiting, ended, return_exceptions=True)
        assert len(under_way) == 0
        assert len(asyncio.all_tasks()) == 1
        return list(found)

    cancelled, none = asyncio.run(scene())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert none is None
