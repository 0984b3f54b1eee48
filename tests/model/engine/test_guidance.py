"""Guidance against a loop that computes both logits token by token; its second rows; and who pays for it."""

from codecs import getincrementaldecoder
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.batch import Batch
from model.engine.engine import Engine, Turn, prompt_tokens
from model.engine.request import ReplyRequest
from model.engine.slots import PREFILL_STEPS, Slots
from model.tokenizer import BOS, ME, NUM_SPECIAL
from tests.model.small_networks import TOKENIZER, WILD, snapshot

SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""
HEAD: dict[str, Any] = {"attention_dim": 4, "attention_window": 8}
TALK = [Turn(mine=False, text="the loss goes down"), Turn(mine=True, text="lol"), Turn(mine=False, text="hey hey hey")]
GUIDED = SamplingParams(
    temperature=1.3, min_p=0.02, word_min_p=0.3, repetition_penalty=1.2, guidance=2.5, max_tokens=30
)


@cache
def step_of(served: Snapshot) -> Callable[..., Any]:
    """One token of one row, compiled once."""
    return partial(nnx.jit(lambda model, token, carry: model(token, carry)), served.model)


def follow(served: Snapshot, prompt: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
    """Logits `[len(tokens) + 1, V]` of each token of a reply after `prompt`, and of the one after it, in float64."""
    step, carry, found = step_of(served), served.model.initial_carry(1), []
    for token in [*prompt, *tokens]:
        logits, carry = step(np.asarray([[token]], np.int32), carry)
        found.append(np.asarray(logits[0, 0], np.float64))
    return np.asarray(found[len(prompt) - 1 :])


def mass_of_text(logits: np.ndarray) -> np.ndarray:
    """The logarithm of what all but special tokens weigh: the end stays as likely as it is without guidance."""
    return np.asarray(np.log(np.exp(logits[:, NUM_SPECIAL:]).sum(axis=-1)))


def may_follow(before: Sequence[int], token: int) -> bool:
    """Whether text can begin with these tokens and `token`, which ends it if it is a special one."""
    try:
        getincrementaldecoder("utf-8")().decode(TOKENIZER.decode_bytes([*before, token]), final=token < NUM_SPECIAL)
    except UnicodeDecodeError:
        return False
    return True


def goes_on(before: Sequence[int], token: int) -> bool:
    """Whether a word of these tokens goes on with `token`; told by letters of ASCII, as this tokenizer has few others."""
    ends, begins = (TOKENIZER.token_bytes[one] for one in (before[-1] if before else 0, token))
    return ends[-1:].isalpha() and begins[:1].isalpha()


def chosen(logits: np.ndarray, own: np.ndarray, params: SamplingParams, seed: int, before: Sequence[int]) -> int:
    """The token that is sampled from `logits`, by the network's `own`, after the reply's tokens `before`, in NumPy."""
    own = own.copy()
    own[[not may_follow(before, token) for token in range(len(logits))]] = -np.inf
    if not before:
        own[[not raw.decode("utf-8", "replace").strip() for raw in TOKENIZER.token_bytes]] = -np.inf
    logits = np.where(own < own.max() + np.log(params.min_p), -np.inf, logits)
    if any(going_on := [goes_on(before, token) for token in range(len(logits))]):
        logits[going_on & (own < own[going_on].max() + np.log(params.word_min_p))] = -np.inf
    seen = list(set(before))
    logits[seen] = np.where(
        logits[seen] > 0, logits[seen] / params.repetition_penalty, logits[seen] * params.repetition_penalty
    )
    logits[logits < logits.max() + np.log(params.min_p)] = -np.inf
    sums = np.cumsum(np.exp((logits - logits.max()) / params.temperature))
    uniform = float(jax.random.uniform(jax.random.fold_in(jax.random.key(np.uint32(seed)), len(before))))
    return int((sums <= uniform * sums[-1]).sum())


def drawn(batch: Batch, *requests: ReplyRequest) -> None:
    """Draw these requests to their ends."""
    for request in requests:
        batch.admit(request)
    while len(batch):
        batch.round()


@pytest.mark.parametrize("architecture", ["lstm", "lstm_attention"])
def test_tokens_are_those_of_a_loop_that_computes_both_logits(architecture: str) -> None:
    """Penalty, filter and temperature apply to the guided logits, log-probabilities are of the network's own.

    The other cells take the LSTM's steps, with fewer arrays in their carry.
    """
    is_first = architecture == "lstm"  # the others have programs of their own: few, and one row each
    served = snapshot(guidable=True, architecture=architecture, **(HEAD if architecture == "lstm_attention" else {}))
    requests = [ReplyRequest(TALK, GUIDED, seed, logprobs=is_first and seed == 0) for seed in range(3)]
    drawn(Batch(served, SLOTS if is_first else 1), *requests)
    unguided = []
    for request in requests:
        own = follow(served, prompt_tokens(TOKENIZER, TALK), request.generated)
        guided = own + GUIDED.guidance * (own - follow(served, [BOS, ME], request.generated))
        guided[:, :NUM_SPECIAL] = own[:, :NUM_SPECIAL] + (mass_of_text(guided) - mass_of_text(own))[:, None]
        expected = [
            chosen(logits, own[number], GUIDED, request.seed, request.generated[:number])
            for number, logits in enumerate(guided)
        ]
        assert request.generated == expected[:-1]
        assert request.completion
        assert (request.completion.finish_reason == "stop") == (expected[-1] < NUM_SPECIAL)
        unguided += [
            chosen(logits, logits, GUIDED, request.seed, request.generated[:number])
            for number, logits in enumerate(own[:-1])
        ]
    assert unguided != [token for request in requests for token in request.generated]
    if scored := requests[0].take_update().logprobs:
        own = follow(served, prompt_tokens(TOKENIZER, TALK), requests[0].generated)
        logprobs = own - np.log(np.exp(own).sum(axis=-1, keepdims=True))
        wanted = [logprobs[number, of.token] for number, of in enumerate(scored)]
        assert [of.logprob for of in scored] == pytest.approx(wanted, abs=1e-4)
    assert bool(scored) == is_first


def test_a_guided_reply_goes_on_from_a_given_beginning_of_any_length() -> None:
    """The second row reads the beginning too, in chunks: the tokens are those that the whole reply had."""
    batch, whole = Batch(snapshot(guidable=True), SLOTS), ReplyRequest([], WILD, 0)
    params, seed = GUIDED.model_copy(update={"temperature": 2.0, "max_tokens": 3 * PREFILL_STEPS}), 0
    while len(whole.generated) < 2 * PREFILL_STEPS + 3:
        seed += 1
        drawn(batch, whole := ReplyRequest(TALK, params, seed))
    cuts = [1, 2, PREFILL_STEPS, PREFILL_STEPS + 1, PREFILL_STEPS + 2, len(whole.generated) - 1]
    rest = [ReplyRequest(TALK, params, seed, reply_prefix=whole.generated[:cut]) for cut in cuts]
    drawn(batch, *rest)
    for cut, request in zip(cuts, rest, strict=True):
        left = whole.generated[cut:]
        assert request.generated[: len(left)] == left


def test_without_guidance_no_reply_has_a_second_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor has one without a conversation, where there is nothing to compare; it is what it is unguided."""
    unguided = GUIDED.model_copy(update={"guidance": 0.0})

    def never(*_: object) -> None:
        raise AssertionError("this takes a second row")

    monkeypatch.setattr(Slots, "decode_pairs", never)
    engine = Engine(snapshot(guidable=True), SLOTS)
    assert engine.reply(TALK, unguided, 1).text
    assert engine.reply([], GUIDED, 1) == engine.reply([], unguided, 1)
    assert engine.tokens([5, 6], GUIDED, 1) == engine.tokens([5, 6], unguided, 1)
    never_without = Engine(snapshot(guidable=False), SLOTS)  # it never learned to reply after an empty conversation
    assert never_without.reply(TALK, GUIDED, 1) == engine.reply(TALK, unguided, 1)
    with pytest.raises(AssertionError, match="second row"):
        engine.reply(TALK, GUIDED, 1)


def test_a_second_row_is_free_again_whenever_its_reply_is_cancelled() -> None:
    """More of them than there are rows, cancelled at every stage; then the table serves as a new one does."""
    served, batch = snapshot(guidable=True), Batch(snapshot(guidable=True), SLOTS)
    long = [Turn(mine=False, text="the loss goes down lol " * 8)]
    for rounds in range(24):
        requests = [ReplyRequest(long, GUIDED, seed, reply_prefix="hey" * (seed % 2 * 20)) for seed in range(SLOTS)]
        for request in requests:
            batch.admit(request)
        for _ in range(rounds % 6):
            batch.round()
        for request in requests:
            request.cancelled = True
        batch.round()
        assert (len(batch), batch.free_slots) == (0, SLOTS)
    last = ReplyRequest(TALK, GUIDED, 7)
    drawn(batch, last)
    assert last.completion == Engine(served, SLOTS).reply(TALK, GUIDED, 7)


def test_guided_replies_and_others_draw_side_by_side_as_alone() -> None:
    """Mixed in one table, more than there are slots; conversations that were read before, and none."""
    engine = Engine(snapshot(guidable=True), SLOTS)
    talks: list[list[Turn]] = [TALK, [], [*TALK, Turn(mine=True, text="lol"), Turn(mine=False, text="the loss")]]
    requests = [
        (talks[number % 3], WILD.model_copy(update={"guidance": [0.0, 0.7, 3.0][number % 4 % 3]}), number)
        for number in range(14)
    ]
    together = engine.replies(requests)
    assert together == [Engine(snapshot(guidable=True), SLOTS).reply(*one) for one in requests]
