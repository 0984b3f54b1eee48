"""Replies with a given beginning, with stop words, and with log-probabilities."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Completion, Engine, Turn, prompt_tokens
from model.engine.logprobs import TOP, TokenLogprobs
from model.engine.slots import DECODE_STEPS, PREFILL_STEPS
from model.engine.stream import ReplyStream
from model.errors import DannError
from model.tokenizer import BOS, NUM_SPECIAL
from tests.model.small_networks import GREEDY, TOKENIZER, WILD, parrot, snapshot

HEY = [Turn(mine=False, text="hey"), Turn(mine=True, text="lol " * 9), Turn(mine=False, text="the loss")]
REPEATED = WILD.model_copy(update={"repetition_penalty": 1.5})


def run(served: Snapshot, test: Callable[[Engine], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(300), Engine(served, slots=4) as engine:
            await engine.ready()
            await test(engine)

    asyncio.run(main())


async def read(stream: ReplyStream) -> tuple[Completion, list[str], list[TokenLogprobs]]:
    pieces, scored = [], []
    async for piece in stream:
        pieces.append(piece)
        scored += stream.take_logprobs()
    return await stream.completion(), pieces, scored + stream.take_logprobs()


async def long_one(engine: Engine, params: SamplingParams) -> tuple[Completion, list[int]]:
    """A reply that takes more than one chunk to read, and its tokens."""
    for seed in range(100):
        whole, _, scored = await read(engine.submit(HEY, params, seed, logprobs=True))
        ids = [entry.token for entry in scored if entry.token >= NUM_SPECIAL]
        assert len(ids) == whole.tokens
        if len(ids) > PREFILL_STEPS + DECODE_STEPS:
            return whole, ids
    raise AssertionError("all are short")


@pytest.mark.parametrize("params", [WILD, REPEATED])
def test_it_goes_on_as_the_whole_did_from_any_given_beginning(params: SamplingParams) -> None:
    async def use(engine: Engine) -> None:
        whole, ids = await long_one(engine, params)
        one = params.model_copy(update={"max_tokens": 1})
        crowd = [engine.submit(HEY, one, seed) for seed in range(40)]
        for cut in range(1, len(ids)):
            rest = params.model_copy(update={"max_tokens": len(ids) - cut})
            completion, _, more = await read(
                engine.submit(HEY, rest, whole.seed, reply_prefix=ids[:cut], logprobs=True)
            )
            assert [entry.token for entry in more if entry.token >= NUM_SPECIAL] == ids[cut:]
            assert completion.prompt_tokens == len(prompt_tokens(TOKENIZER, HEY)) + cut
        for stream in crowd:
            await stream.completion()

    run(snapshot(), use)


def test_a_beginning_in_words_is_read_and_not_said_again() -> None:
    async def use(engine: Engine) -> None:
        completion, pieces, _ = await read(engine.submit([], GREEDY, 0, reply_prefix="hey"))
        assert completion.text == "".join(pieces) == " lol"
        assert completion.finish_reason == "stop"
        ended = await engine.submit([], GREEDY, 0, reply_prefix="hey lol").completion()
        assert (ended.text, ended.finish_reason, ended.tokens) == ("", "stop", 0)

    run(parrot("hey lol"), use)


def test_a_character_that_breaks_off_in_the_beginning_goes_on_after_it() -> None:
    text = "😂 ёabc"
    ids = TOKENIZER.encode(text)

    async def use(engine: Engine) -> None:
        for cut in range(1, len(ids)):
            completion, pieces, _ = await read(engine.submit([], GREEDY, 0, reply_prefix=ids[:cut]))
            whole = TOKENIZER.decode_bytes(ids[:cut]).decode(errors="ignore")
            assert whole + completion.text == whole + "".join(pieces) == text

    run(parrot(text), use)


@pytest.mark.parametrize("ids", [[BOS], [-1], [TOKENIZER.vocab_size]])
def test_what_is_no_token_is_no_beginning_and_nobody_elses_concern(ids: Sequence[int]) -> None:
    async def use(engine: Engine) -> None:
        with pytest.raises(DannError, match=f"from 3 to {TOKENIZER.vocab_size - 1}"):
            await engine.submit([], GREEDY, 0, reply_prefix=ids).completion()
        assert (await engine.submit([], GREEDY, 0).completion()).text == "hey lol"

    run(parrot("hey lol"), use)


@pytest.mark.parametrize(
    ("stop", "text", "reason"),
    [
        (["y l"], "he", "stop"),
        (["ol", "lol"], "hey", "stop"),
        (["hey"], "", "stop"),
        (["lolx", "z"], "hey lol", "stop"),
        ([""], "hey lol", "stop"),
        ([" "], "hey", "stop"),
    ],
)
def test_it_ends_before_a_word_that_stops_it(stop: list[str], text: str, reason: str) -> None:
    async def use(engine: Engine) -> None:
        completion, pieces, _ = await read(engine.submit([], GREEDY, 0, stop=stop))
        assert (completion.text, "".join(pieces), completion.finish_reason) == (text, text, reason)

    run(parrot("hey lol"), use)


def test_what_may_become_a_stop_is_held_back_until_it_is_none_also_at_the_end() -> None:
    async def use(engine: Engine) -> None:
        short = GREEDY.model_copy(update={"max_tokens": len(TOKENIZER.encode("he")) + DECODE_STEPS * 3})
        completion, pieces, _ = await read(engine.submit([], short, 0, stop=["hehehe!"]))
        assert completion.finish_reason == "length"
        assert "".join(pieces) == completion.text == "he" * (len(completion.text) // 2)

    run(parrot("he", forever=True), use)


def test_logprobs_are_the_networks_own_distribution_before_each_token() -> None:
    """Compared with one forward pass; what fills it up behind the tokens is seen by none of them."""
    held = snapshot()
    graph, params = nnx.split(held.model)

    @jax.jit
    def forward(params: Any, tokens: jax.Array) -> jax.Array:
        model: Any = nnx.merge(graph, params)
        return jax.nn.log_softmax(model(tokens[None], model.initial_carry(1))[0][0].astype(jnp.float32))

    async def use(engine: Engine) -> None:
        streams = [engine.submit(HEY, WILD, seed, logprobs=True) for seed in range(6)]
        for stream in streams:
            completion, _, scored = await read(stream)
            tokens = [entry.token for entry in scored]
            assert len(tokens) == completion.tokens + (completion.finish_reason == "stop")
            read_before = [*prompt_tokens(TOKENIZER, HEY), *tokens[:-1]]
            padded = np.pad(read_before, (0, 128 - len(read_before)))
            logprobs = np.asarray(forward(params, padded), np.float64)[: len(read_before)][-len(tokens) :]
            for entry, expected in zip(scored, logprobs, strict=True):
                assert entry.logprob == pytest.approx(expected[entry.token], abs=1e-4)
                assert entry.entropy == pytest.approx(-(np.exp(expected) * expected).sum() / np.log(2), abs=1e-3)
                assert len(entry.top) == TOP
                assert [value for _, value in entry.top] == pytest.approx(np.sort(expected)[::-1][:TOP], abs=1e-4)
                assert all(value == pytest.approx(expected[id_], abs=1e-4) for id_, value in entry.top)

    run(held, use)


def test_a_reply_is_the_same_with_logprobs_or_without() -> None:
    async def use(engine: Engine) -> None:
        for seed in range(4):
            observed, _, scored = await read(engine.submit(HEY, WILD, seed, logprobs=True))
            alone, _, none = await read(engine.submit(HEY, WILD, seed))
            assert alone == observed
            assert scored
            assert none == []

    run(snapshot(), use)
