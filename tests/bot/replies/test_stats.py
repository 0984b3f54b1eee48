"""What became of mentions is counted, each once: all outcomes that the responder knows, by platform."""

import asyncio
from collections import Counter

from bot.replies.stats import BOUNDS, LatencyHistogram, Outcome, ReplyStats
from bot.replies.types import Author
from tests.bot.replies.responder_harness import COMMAND, ResponderHarness, broken, run_scenario
from tests.bot.scripted_engine import ANN, BOT, GROUP, TELEGRAM, said

OWNER = Author("7")


def test_every_mention_is_counted_once_by_what_became_of_it() -> None:
    async def scene(s: ResponderHarness) -> None:
        await s.ask("a")
        await s.ask("a")  # the same event again
        await s.ask("b")  # too soon
        await s.ask("c", author=BOT)
        s.engine.full = True
        await s.ask("d", author=ANN)
        s.engine.full, s.engine.says = False, broken
        await s.ask("e", author=ANN, channel=TELEGRAM)
        await s.responder.admin(GROUP, OWNER, "pause", "")
        await s.ask("f", author=ANN)
        assert s.stats.outcomes == Counter(
            {
                ("discord", Outcome.ANSWERED): 1,
                ("discord", Outcome.IGNORED): 2,
                ("discord", Outcome.COOLDOWN): 1,
                ("discord", Outcome.BUSY): 1,
                ("telegram", Outcome.FAILED): 1,
                ("discord", Outcome.PAUSED): 1,
            }
        )
        assert s.stats.answered == 1

    run_scenario(scene, cooldown_seconds=60, discord={"owners": ["7"]})


def test_what_is_deleted_or_given_up_meanwhile_is_dropped() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.go.clear()
        deleted, given_up = (asyncio.create_task(s.ask(id_)) for id_ in ("a", "b"))
        while len(s.engine.requests) < 2:
            await asyncio.sleep(0)
        s.responder.on_delete(GROUP, "a")
        given_up.cancel()
        await asyncio.wait({deleted, given_up})
        assert deleted.result() is None
        assert given_up.cancelled()
        assert s.stats.outcomes == {("discord", Outcome.DROPPED): 2}
        assert s.stats.latencies == {}

    run_scenario(scene)


def test_remarks_count_as_said_and_not_as_answers() -> None:
    async def scene(s: ResponderHarness) -> None:
        assert await s.responder.remark(GROUP, said("a"), addressed=False)
        assert not await s.responder.remark(GROUP, said("b"), addressed=True)
        assert s.stats.outcomes == {("discord", Outcome.REMARKED): 1}
        assert (s.stats.answered, s.stats.latencies) == (1, {})

    run_scenario(scene)


def test_an_answer_takes_from_its_arrival_until_it_is_handed_over() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.engine.go.clear()
        asking = asyncio.create_task(s.ask("a", asked=COMMAND))
        while not s.engine.requests:
            await asyncio.sleep(0)
        s.clock.now += 0.75
        s.engine.go.set()
        assert await asking
        assert s.stats.latencies["discord"].total == 0.75
        assert s.stats.latencies["discord"].counts[BOUNDS.index(1.0)] == 1

    run_scenario(scene)


def test_a_latency_stands_under_the_least_bound_it_does_not_exceed() -> None:
    took = LatencyHistogram()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        took.add(seconds)
    assert took.counts == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert sum(took.counts) == 5


def test_nothing_has_been_said_at_first() -> None:
    assert ReplyStats().answered == 0
