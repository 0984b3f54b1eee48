"""A checkpoint that is withdrawn gives nothing more, is let go, and never comes back; others go on beside it."""

import asyncio
import gc
import weakref

import pytest

from model.engine.engine import CheckpointWithdrawn, Engine
from tests.model.engine.test_stream import SLOTS, SPELLED, read, run
from tests.model.small_networks import GREEDY, parrot, snapshot

LONG = GREEDY.model_copy(update={"max_tokens": 4001})


def test_every_reply_of_it_ends_and_what_is_unread_is_not_read() -> None:
    served = [parrot("he", forever=True)]
    gone = weakref.ref(served[0].model)

    async def main() -> None:
        async with asyncio.timeout(120), Engine(served.pop(), SLOTS) as engine:
            await engine.warmed_up()
            await use(engine)

    async def use(engine: Engine) -> None:
        running = [engine.submit([], LONG, number) for number in range(SLOTS)]
        waiting = engine.submit([], LONG, 9)
        for stream in running:
            await anext(stream)
        while not running[0]._pieces:
            await asyncio.sleep(0.01)
        engine.withdraw({"he", "another"})
        for stream in (*running, waiting):
            with pytest.raises(CheckpointWithdrawn):
                await anext(stream)
            with pytest.raises(CheckpointWithdrawn):
                await stream.completion()
            assert stream.take_logprobs() == []
        with pytest.raises(CheckpointWithdrawn, match="no checkpoint serves"):
            engine.submit([], GREEDY, 0)
        assert (engine.snapshot.id, engine.load.waiting) == ("", 0)
        while engine.load.busy or gone() is not None:
            await asyncio.sleep(0.01)
            gc.collect()
        with pytest.raises(CheckpointWithdrawn, match="he was withdrawn meanwhile"):
            await engine.swap(parrot("he"))
        assert engine.snapshot.id == ""
        await engine.swap(snapshot(SPELLED, "two"))
        assert (await engine.submit([], GREEDY, 0).completion()).checkpoint == "two"

    asyncio.run(main())


def test_what_is_complete_and_not_read_yet_is_not_read() -> None:
    async def use(engine: Engine) -> None:
        slow, read_whole = engine.submit([], GREEDY, 0, logprobs=True), engine.submit([], GREEDY, 1)
        text = (await read_whole.completion()).text
        first = await anext(slow)
        await slow.completion()
        assert len(first) < len(text)
        drawn = engine.tokens_generated
        engine.withdraw({"he"})
        assert slow.take_logprobs() == []
        for lost in (anext(slow), slow.completion(), slow.shown_logprobs()):
            with pytest.raises(CheckpointWithdrawn):
                await lost
        assert engine.tokens_generated == drawn, "they are counted once"

    run(use, parrot("he", forever=True))


def test_what_another_draws_goes_on() -> None:
    async def use(engine: Engine) -> None:
        old = engine.submit([], LONG, 0)
        await anext(old)
        await engine.swap(parrot("lol", forever=True))
        new = engine.submit([], LONG, 1)
        await anext(new)
        engine.withdraw({"he"})
        with pytest.raises(CheckpointWithdrawn):
            await anext(old)
        assert "".join(await read(new)) != ""
        assert engine.snapshot.id == "lol"

    run(use, parrot("he", forever=True))
