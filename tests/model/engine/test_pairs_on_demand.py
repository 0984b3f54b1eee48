"""Programs for guidance and candidates: compiled when they are first asked for, and nobody else waits for that."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from model.checkpoints.checkpoint import Snapshot
from model.engine.batch import Batch
from model.engine.engine import Engine, EngineClosed, Load, Turn
from model.tokenizer import Tokenizer
from tests.model.small_networks import GREEDY, WILD, snapshot

HEY = [Turn(mine=False, text="hey")]
SERVED = snapshot(guidable=True)
SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""
GUIDED = WILD.model_copy(update={"guidance": 2.0})
CHOSEN = GUIDED.model_copy(update={"candidates": 3})


def run(test: Callable[[Engine], Awaitable[None]], served: Snapshot, **more: Any) -> None:
    """Run `test` with a started engine whose programs are compiled; a hang fails."""

    async def main() -> None:
        async with asyncio.timeout(120), Engine(served, SLOTS, **more) as engine:
            await engine.ready()
            await engine.warmed_up()
            await test(engine)

    asyncio.run(main())


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> "Compiling":
    """Nothing is compiled for pairs until the test lets it, or it fails as the test says."""
    held = Compiling()
    original = Batch.warm_pairs

    def warm_pairs(batch: Batch, width: int) -> None:
        held.begun.append(width)
        assert held.go_on.wait(60)
        if held.error:
            raise held.error
        original(batch, width)

    monkeypatch.setattr(Batch, "warm_pairs", warm_pairs)
    monkeypatch.setattr(Batch, "widest_warm_pairs", 0)  # as in a new process
    return held


class Compiling:
    """What was begun, whether it may go on, and how it fails."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.go_on = threading.Event()
        self.error: Exception | None = None


def test_others_are_drawn_while_the_first_guided_reply_waits(compiling: Compiling) -> None:
    async def use(engine: Engine) -> None:
        assert compiling.begun == []  # nobody asked
        guided = [engine.submit(HEY, GUIDED, 1), engine.submit(HEY, CHOSEN, 2)]
        cancelled = engine.submit(HEY, GUIDED, 3)
        for seed in range(3):
            assert (await engine.submit(HEY, WILD, seed).completion()).text
        unguided = await engine.submit([], GUIDED, 4).completion()
        assert unguided == Engine(SERVED, SLOTS).reply([], WILD, 4)
        cancelled.cancel()
        assert engine.load == Load(0, SLOTS, 2)
        assert compiling.begun == [1]
        compiling.go_on.set()
        completions = [await stream.completion() for stream in guided]
        assert completions == Engine(SERVED, SLOTS).replies([(HEY, GUIDED, 1), (HEY, CHOSEN, 2)])
        assert engine.load.waiting == 0

    run(use, SERVED)


def test_what_cannot_be_compiled_fails_those_who_asked_and_is_tried_again(compiling: Compiling) -> None:
    async def use(engine: Engine) -> None:
        compiling.error = RuntimeError("no memory")
        failing = [engine.submit(HEY, GUIDED, seed) for seed in range(2)]
        compiling.go_on.set()
        for stream in failing:
            with pytest.raises(RuntimeError, match="no memory"):
                await stream.completion()
        assert (await engine.submit(HEY, WILD, 1).completion()).text
        compiling.error = None
        assert await engine.submit(HEY, GUIDED, 1).completion() == Engine(SERVED, SLOTS).reply(HEY, GUIDED, 1)

    run(use, SERVED)


def test_stopping_fails_those_who_wait_for_programs(compiling: Compiling) -> None:
    async def use(engine: Engine) -> None:
        waiting = engine.submit(HEY, GUIDED, 1)
        while not compiling.begun:
            await engine.submit(HEY, GREEDY, 1).completion()
        closing = asyncio.create_task(engine.close())
        while not (engine._worker and engine._worker._closing):
            await asyncio.sleep(0)
        compiling.go_on.set()
        await closing
        with pytest.raises(EngineClosed):
            await waiting.completion()
        assert compiling.begun == [1]

    run(use, SERVED)


def test_an_engine_for_pairs_is_ready_when_they_are(compiling: Compiling) -> None:
    async def use(engine: Engine) -> None:
        assert compiling.begun == [1, 1, SLOTS]  # one reply's before it is ready, then all, of which one is there
        assert await engine.submit(HEY, GUIDED, 1).completion() == Engine(SERVED, SLOTS).reply(HEY, GUIDED, 1)

    compiling.go_on.set()
    run(use, SERVED, usual=GUIDED)


def test_what_guidance_needs_is_not_compiled_for_a_network_that_is_not_guidable(compiling: Compiling) -> None:
    async def use(engine: Engine) -> None:
        assert await engine.submit(HEY, GUIDED, 1).completion() == engine.reply(HEY, WILD, 1)
        assert compiling.begun == []

    run(use, snapshot(), usual=GUIDED)


def test_a_swap_amid_guided_replies_draws_as_each_would_alone() -> None:
    """Candidates are all of one network, those too that had no slot yet when the next one came."""
    old, new = (snapshot(id_=id_, seed=seed, guidable=True) for id_, seed in (("old", 3), ("new", 4)))
    requests = [(HEY, [GUIDED, CHOSEN, WILD][seed % 3], seed) for seed in range(6)]

    async def use(engine: Engine) -> None:
        before = [engine.submit(*request) for request in requests]
        first = await anext(before[0])
        assert first
        running = {stream for stream in before if stream.checkpoint == "old"}
        await engine.swap(new)
        after = [engine.submit(*request) for request in requests]
        for streams in (before, after):
            for request, stream in zip(requests, streams, strict=True):
                completion = await stream.completion()
                assert completion.checkpoint == ("old" if stream in running else completion.checkpoint)
                served = old if completion.checkpoint == "old" else new
                assert completion == Engine(served, SLOTS).reply(*request)
        assert len(running) >= 2
        assert all(stream.checkpoint == "new" for stream in after)

    run(use, old, usual=GUIDED)


def test_after_a_swap_to_another_shape_nobody_waits_for_programs() -> None:
    # As in test_stream.py, which compiles the rest.
    other = snapshot(Tokenizer.of_characters(["hey lol"]), "other", guidable=True)

    async def use(engine: Engine) -> None:
        await engine.submit(HEY, GUIDED, 1).completion()
        await engine.swap(other)
        assert await engine.submit(HEY, GUIDED, 1).completion() == Engine(other, SLOTS).reply(HEY, GUIDED, 1)
        assert engine._started()._batches[-1].widest_pairs == SLOTS

    run(use, SERVED)
