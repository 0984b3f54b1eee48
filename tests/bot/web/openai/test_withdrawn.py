"""A slow reader of /v1 gets nothing more of a checkpoint once it was withdrawn, though all was drawn before."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.web.openai.streaming import DONE, STOPPED, AnswerStream, ChoiceStream, CompletionFormat
from model.engine.engine import Engine
from model.engine.stream import CheckpointWithdrawn
from tests.model.small_networks import GREEDY, parrot

TEXT = b'"text":"'


def run_scenario(act: Callable[[Engine], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(120), Engine(parrot("he", forever=True), 4) as engine:
            await engine.ready()
            await act(engine)

    asyncio.run(play())


def answer(engine: Engine, choices: int, top: int | None) -> AnswerStream:
    format_ = CompletionFormat(top)
    streams = [engine.submit([], GREEDY, number, logprobs=top is not None) for number in range(choices)]
    return AnswerStream(format_, "dann", [ChoiceStream(n, 0, stream, format_) for n, stream in enumerate(streams)])


@pytest.mark.parametrize("choices", [1, 2])
@pytest.mark.parametrize("top", [None, 2])
def test_a_stream_ends_with_an_error(choices: int, top: int | None) -> None:
    async def act(engine: Engine) -> None:
        drawing = answer(engine, choices, top)
        events = drawing.events(with_usage=True)
        assert TEXT in await anext(events)
        for choice in drawing._choices:
            await choice.stream.completion()
        await asyncio.sleep(0)
        engine.withdraw({"he"})
        rest = [event async for event in events]
        assert len(rest) == 1
        assert STOPPED.encode() in rest[0]
        assert DONE not in rest

    run_scenario(act)


def test_a_whole_answer_is_none() -> None:
    async def act(engine: Engine) -> None:
        drawing = answer(engine, 2, 2)
        await drawing._choices[1].stream.completion()
        engine.withdraw({"he"})
        with pytest.raises(CheckpointWithdrawn):
            await drawing.all()

    run_scenario(act)
