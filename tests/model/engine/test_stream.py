"""The engine on the event loop: streams, a full queue, cancelling, swapping weights, errors, and stopping."""

import asyncio
import gc
import logging
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot
from model.engine import slots
from model.engine.batch import Batch
from model.engine.engine import Engine, EngineClosed, EngineFull, Load, Turn
from model.engine.slots import Slots
from model.engine.stream import ReplyCancelled, ReplyStream
from model.errors import DannError
from model.tokenizer import Tokenizer
from tests.model.small_networks import GREEDY, TOKENIZER, WILD, parrot, save, snapshot

ENDLESS = GREEDY.model_copy(update={"max_tokens": 4096})
HEY = [Turn(mine=False, text="hey")]
SLOTS = 4
"""The same everywhere, so that all compile the same programs: one of a row, one of four."""
SPELLED = Tokenizer.of_characters(["hey lol"])


def run(
    test: Callable[[Engine], Awaitable[None]], served: Snapshot, *, early: bool = False, slots: int = SLOTS, **more: Any
) -> None:
    """Run `test` with a started engine; a hang fails. `early`: before all programs are compiled."""

    async def main() -> None:
        async with asyncio.timeout(120), Engine(served, slots, **more) as engine:
            await engine.ready()
            if not early:
                await engine.warmed_up()
            await test(engine)

    asyncio.run(main())


async def read(stream: ReplyStream) -> list[str]:
    return [piece async for piece in stream]


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Keep the engine's thread in its next round until the event is set or the block ends."""
    go_on, original = threading.Event(), Batch.round

    def waiting_round(batch: Batch) -> Any:
        go_on.wait(60)
        return original(batch)

    monkeypatch.setattr(Batch, "round", waiting_round)
    try:
        yield go_on
    finally:
        go_on.set()
        monkeypatch.setattr(Batch, "round", original)


def test_pieces_join_to_the_text_that_is_drawn_without_a_loop() -> None:
    requests = [([Turn(mine=False, text="lol " * number)], WILD, number) for number in range(20)]

    async def use(engine: Engine) -> None:
        streams = [engine.submit(*request) for request in requests]
        pieces = await asyncio.gather(*map(read, streams))
        completions = [await stream.completion() for stream in streams]
        assert ["".join(of) for of in pieces] == [completion.text for completion in completions]
        assert completions == Engine(snapshot(), SLOTS).replies(requests)
        assert max(map(len, pieces)) > 2
        assert engine.load == Load(0, SLOTS, 0)

    run(use, snapshot())


def test_pieces_are_whole_characters_where_tokens_split_them() -> None:
    text = "😂 ёabcdfikmnp"
    assert len(TOKENIZER.encode(text)) > len(text)

    async def use(engine: Engine) -> None:
        pieces = await read(engine.submit([], GREEDY, 0))
        assert "".join(pieces) == text
        assert len(pieces) > 1

    run(use, parrot(text))


def test_a_full_queue_refuses_at_once_and_takes_again_when_one_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(engine: Engine) -> None:
        with held_up(monkeypatch):
            streams = [engine.submit([], GREEDY, number) for number in range(4)]
            full = [engine.full]
            streams.append(engine.submit([], GREEDY, 4))
            full.append(engine.full)
            with pytest.raises(EngineFull, match="5 replies are in progress"):
                engine.submit([], GREEDY, 5)
            streams[4].cancel()
            full.append(engine.full)
            streams[4] = engine.submit([], GREEDY, 6)
            with pytest.raises(EngineFull):
                engine.submit([], GREEDY, 7)
        assert {(await stream.completion()).text for stream in streams} == {"hey lol"}
        assert [*full, engine.full] == [False, True, False, False]
        assert (await engine.submit([], GREEDY, 8).completion()).text == "hey lol"

    run(use, parrot("hey lol"), waiting=1)


def test_the_loop_goes_on_while_the_device_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Submitting, reading the load, cancelling: all of it while the thread is in the middle of a round."""

    async def use(engine: Engine) -> None:
        with held_up(monkeypatch) as go_on:
            streams = [engine.submit(HEY, GREEDY, number) for number in range(3)]
            for _ in range(100):
                await asyncio.sleep(0)
            assert engine.load.busy + engine.load.waiting == 3
            streams[0].cancel()
            assert engine.load.busy + engine.load.waiting >= 2
            assert not go_on.is_set()
        assert (await streams[1].completion()).text == (await streams[2].completion()).text == "lol"

    run(use, parrot("lol"))


def test_whoever_gives_up_frees_a_place_for_the_next() -> None:
    async def use(engine: Engine) -> None:
        endless = [engine.submit([], ENDLESS, number) for number in range(SLOTS)]
        first_pieces = [await anext(stream) for stream in endless]
        waits = engine.submit([], GREEDY, 5)
        assert engine.load.waiting >= 1
        endless[0].cancel()
        assert await waits.completion()
        assert await read(endless[0]) == []
        with pytest.raises(ReplyCancelled):
            await endless[0].completion()
        assert first_pieces[1] + await anext(endless[1])
        for stream in endless[1:]:
            stream.cancel()
            stream.cancel()

    run(use, parrot("he", forever=True))


def test_tokens_are_counted_once_also_those_of_a_reply_that_is_cancelled() -> None:
    async def use(engine: Engine) -> None:
        whole = await engine.submit([], GREEDY, 0).completion()
        assert engine.tokens_generated == whole.tokens == GREEDY.max_tokens
        cancelled = engine.submit([], ENDLESS, 1)
        await anext(cancelled)
        cancelled.cancel()
        generated = engine.tokens_generated
        assert whole.tokens < generated < whole.tokens + ENDLESS.max_tokens
        cancelled.cancel()
        assert engine.tokens_generated == generated

    run(use, parrot("he", forever=True))


def test_cancelling_a_complete_reply_changes_nothing() -> None:
    async def use(engine: Engine) -> None:
        stream = engine.submit([], GREEDY, 0)
        completion = await stream.completion()
        stream.cancel()
        assert await stream.completion() == completion
        assert "".join(await read(stream)) == completion.text

    run(use, parrot("hey lol"))


def test_a_task_that_is_cancelled_gives_its_reply_up() -> None:
    async def use(engine: Engine) -> None:
        for wait in (read, ReplyStream.completion):
            stream = engine.submit([], ENDLESS, 0)
            task = asyncio.ensure_future(wait(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(ReplyCancelled):
                await stream.completion()
        while engine.load.busy:
            await asyncio.sleep(0.01)

    run(use, parrot("he", forever=True))


def test_after_a_swap_what_runs_ends_on_the_old_weights_and_the_new_ones_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The new network has another shape and another vocabulary; queued requests go to it."""
    new = snapshot(SPELLED, "two")
    assert SPELLED.vocab_size != TOKENIZER.vocab_size
    answer = Engine(new, SLOTS).reply([], GREEDY, 0).text
    params = GREEDY.model_copy(update={"max_tokens": 4001})
    assert len(TOKENIZER.encode("he")) == 1

    async def use(engine: Engine) -> None:
        old = [engine.submit([], params, number) for number in range(SLOTS)]
        first_pieces = [await anext(stream) for stream in old]
        with held_up(monkeypatch):
            waits = engine.submit([], GREEDY, 2)
            await engine.swap(new)
            comes = engine.submit([], GREEDY, 3)
        assert (await comes.completion()).text == (await waits.completion()).text == answer
        assert engine.load.busy == SLOTS
        for stream, piece in zip(old, first_pieces, strict=True):
            assert piece + "".join(await read(stream)) == (await stream.completion()).text == "he" * params.max_tokens
        assert engine.snapshot.id == "two"
        assert engine.reply([], GREEDY, 0).text == answer

    run(use, parrot("he", forever=True))


def test_a_swap_between_networks_draws_as_each_would_alone() -> None:
    other = snapshot(SPELLED, "two")

    async def use(engine: Engine) -> None:
        before = engine.submit(HEY, WILD, 1)
        await anext(before)
        await engine.swap(other)
        after = engine.submit(HEY, WILD, 1)
        assert await before.completion() == Engine(snapshot(), SLOTS).reply(HEY, WILD, 1)
        assert await after.completion() == Engine(other, SLOTS).reply(HEY, WILD, 1)

    run(use, snapshot())


def test_old_weights_are_let_go_when_the_last_of_their_replies_ends() -> None:
    old = [parrot("he", forever=True)]
    gone = weakref.ref(old[0].model)

    async def main() -> None:
        async with asyncio.timeout(120), Engine(old.pop(), SLOTS) as engine:
            stream = engine.submit([], ENDLESS, 0)
            await anext(stream)
            await engine.swap(parrot("lol"))
            await engine.submit([], GREEDY, 0).completion()
            gc.collect()
            assert gone() is not None
            stream.cancel()
            while gone() is not None:
                gc.collect()
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_old_weights_are_let_go_also_where_nobody_asks_for_anything() -> None:
    """The thread has drawn from them, and waits."""
    old = [snapshot()]
    gone = weakref.ref(old[0].model)

    async def main() -> None:
        async with asyncio.timeout(120), Engine(old.pop(), SLOTS) as engine:
            await engine.submit([], GREEDY, 0).completion()
            await engine.swap(parrot("lol"))
            while gone() is not None:
                gc.collect()
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_each_reply_says_which_checkpoint_drew_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(engine: Engine) -> None:
        with held_up(monkeypatch):
            runs = [engine.submit(HEY, WILD, number) for number in range(SLOTS)]
            while engine.load.busy < SLOTS:
                await asyncio.sleep(0.01)
            waits = engine.submit(HEY, WILD, SLOTS)
            await engine.swap(snapshot(id_="two"))
        assert [(await stream.completion()).checkpoint for stream in (*runs, waits)] == [*["test"] * SLOTS, "two"]

    run(use, snapshot())


def test_a_network_of_the_same_shape_is_swapped_in_without_compiling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights and its dropout are others; what runs goes on meanwhile as ever."""
    save(tmp_path, "one")
    save(tmp_path, "two", seed=4, dropout=0.3, weight_drop=0.1)
    slots._programs.cache_clear()  # other tests have networks of this shape
    traced: list[str] = []
    original = slots._decode

    def decode(*args: Any) -> Any:
        traced.append("a width")
        return original(*args)

    monkeypatch.setattr(slots, "_decode", decode)

    async def use(engine: Engine) -> None:
        assert len(traced) == 2  # a program a width
        before = await engine.submit(HEY, WILD, 1).completion()
        await engine.swap(checkpoint.load(tmp_path, "two"))
        after = await engine.submit(HEY, WILD, 1).completion()
        assert before.text != after.text
        assert (before.checkpoint, after.checkpoint) == ("one", "two")
        assert len(traced) == 2
        assert engine.snapshot.model.config.dropout == 0.3

    run(use, checkpoint.load(tmp_path, "one"))
    assert Engine(checkpoint.load(tmp_path, "two"), SLOTS).reply(HEY, WILD, 1).text


def test_stopping_does_not_wait_for_all_that_is_being_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A width in progress is compiled to its end, and no other."""
    compiled: list[int] = []
    original = Slots.decode
    slots._programs.cache_clear()  # other tests have networks of this shape

    async def main() -> None:
        async with asyncio.timeout(120), Engine(parrot("lol"), SLOTS) as engine:
            await engine.warmed_up()
            loop, started = asyncio.get_running_loop(), asyncio.Event()

            def decode(table: Slots, batch: Any) -> Any:
                compiled.append(len(batch.rows_B))
                loop.call_soon_threadsafe(started.set)
                while not engine._closed:
                    time.sleep(0.01)
                return original(table, batch)

            monkeypatch.setattr(Slots, "decode", decode)
            swapping = asyncio.create_task(engine.swap(snapshot()))
            await started.wait()
            await engine.close()
            with pytest.raises(EngineClosed):
                await swapping

    asyncio.run(main())
    assert compiled == [1]


def test_an_error_in_the_thread_reaches_whoever_waits_and_the_engine_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(engine: Engine) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("the device fell off")

        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr(Slots, "decode", broken)
            streams = [engine.submit(HEY, GREEDY, number) for number in range(3)]
            for stream in streams:
                with pytest.raises(RuntimeError, match="fell off"):
                    await stream.completion()
                with pytest.raises(RuntimeError, match="fell off"):
                    await read(stream)
        assert (await engine.submit(HEY, GREEDY, 0).completion()).text == "hey lol"
        assert engine.load == Load(0, SLOTS, 0)

    run(use, parrot("hey lol"))
    assert "the engine failed" in caplog.text
    assert "fell off" in caplog.text


def test_a_conversation_that_cannot_be_encoded_fails_alone() -> None:
    async def use(engine: Engine) -> None:
        wrong, right = engine.submit([Turn(mine=False, text="ё")], WILD, 0), engine.submit(HEY, WILD, 0)
        with pytest.raises(DannError, match="is not in the text that was learned"):
            await wrong.completion()
        assert (await right.completion()).text

    run(use, snapshot(SPELLED))


def test_what_cannot_be_compiled_is_told_to_whoever_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no compiler")

    async def use(_: Engine) -> None:
        pytest.fail("it was ready")

    monkeypatch.setattr(Batch, "warm", broken)

    async def never(_: Engine) -> None:
        pytest.fail("it is not ready")

    with pytest.raises(RuntimeError, match="no compiler"):
        run(use, parrot("lol"))


def test_one_reply_is_drawn_before_a_crowds_programs_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile many requests are served one by one, with the same replies."""
    go_on, original = threading.Event(), Batch.warm

    def slow(batch: Batch, width: int = 0, stop: Callable[[], bool] = bool) -> None:
        if width != 1:
            go_on.wait(60)
        original(batch, width, stop)

    monkeypatch.setattr(Batch, "warm", slow)
    requests = [(HEY * number, WILD, number) for number in range(1, 7)]

    async def use(engine: Engine) -> None:
        try:
            streams = [engine.submit(*request) for request in requests]
            alone = [await stream.completion() for stream in streams]
        finally:
            go_on.set()
        await engine.warmed_up()
        streams = [engine.submit(*request) for request in requests]
        assert [await stream.completion() for stream in streams] == alone == Engine(served, SLOTS).replies(requests)

    served = snapshot()
    run(use, served, early=True)


def test_a_crowds_programs_that_cannot_be_compiled_are_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = Batch.warm

    def broken(batch: Batch, width: int = 0, stop: Callable[[], bool] = bool) -> None:
        if width == 4:
            raise RuntimeError("no compiler")
        original(batch, width, stop)

    monkeypatch.setattr(Batch, "warm", broken)

    async def use(engine: Engine) -> None:
        await engine.warmed_up()
        assert "more requests are served in small chunks" in caplog.text
        streams = [engine.submit([], GREEDY, number) for number in range(3)]
        assert {(await stream.completion()).text for stream in streams} == {"lol"}

    run(use, parrot("lol"))


def test_closing_ends_the_thread_and_what_is_under_way() -> None:
    streams: list[ReplyStream] = []

    async def use(engine: Engine) -> None:
        streams.extend(engine.submit([], ENDLESS, number) for number in range(SLOTS + 1))
        await anext(streams[0])
        await engine.close()
        for stream in streams:
            with pytest.raises(EngineClosed, match="stopped before"):
                await stream.completion()
        with pytest.raises(EngineClosed, match="not running"):
            engine.submit([], GREEDY, 0)
        await engine.close()

    run(use, parrot("he", forever=True))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dann")]


def test_an_engine_that_was_not_started_says_so() -> None:
    engine = Engine(parrot("lol"))
    with pytest.raises(EngineClosed, match="not running"):
        engine.submit([], GREEDY, 0)
    assert engine.load == Load(0, 64, 0)
    asyncio.run(engine.close())
