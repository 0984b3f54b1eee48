"""What the guard refuses is drawn again at that step: against a loop that masks tokens, and what it ends in."""

import asyncio
import re
from codecs import getincrementaldecoder
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.batch import Batch
from model.engine.candidates import CandidatesRequest
from model.engine.engine import Engine, Turn, prompt_tokens
from model.engine.logprobs import TOP, TokenLogprobs
from model.engine.request import ReplyRequest
from model.engine.text.guarded import REFUSALS_A_STEP, REFUSED_STEPS, GuardedReply
from model.privacy.detector import Detector
from model.privacy.fingerprints import Key
from model.privacy.guard_index import GuardedText, GuardIndex
from model.tokenizer import BOS, ME, NUM_SPECIAL, Tokenizer
from tests.model.engine.test_candidates import cancel_all_after
from tests.model.engine.test_guidance import GUIDED, TALK, chosen, drawn, mass_of_text, step_of
from tests.model.made_up_guard import guarded, now_and_then
from tests.model.small_networks import GREEDY, TOKENIZER, WILD, parrot, snapshot

SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""
SERVED = snapshot(guidable=True)
OFTEN = now_and_then(5)
PLAIN = GUIDED.model_copy(update={"guidance": 0.0})


def use(served: Snapshot, test: Callable[[Engine], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(120), Engine(served, SLOTS) as engine:
            await test(engine)

    asyncio.run(main())


def whole(*tokens: int) -> str:
    """The whole characters of these tokens."""
    return getincrementaldecoder("utf-8")("replace").decode(TOKENIZER.decode_bytes(tokens))


class Logits:
    """Logits after each token that was read, of one row."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._carry = SERVED.model.initial_carry(1)
        for token in prompt:
            self.read(token)

    def read(self, token: int) -> None:
        logits, self._carry = step_of(SERVED)(np.asarray([[token]], np.int32), self._carry)
        self.now = np.asarray(logits[0], np.float64)


def masked(params: SamplingParams, seed: int) -> tuple[list[int], int, int]:
    """The tokens of a guarded reply to TALK, at how many steps another was drawn, and how often, where tokens are masked."""
    tokens, steps, refusals = list[int](), 0, 0
    answering, unprompted = Logits(prompt_tokens(TOKENIZER, TALK)), Logits([BOS, ME])
    while len(tokens) < params.max_tokens:
        own = answering.now.copy()
        logits = own + params.guidance * (own - unprompted.now)
        logits[:, :NUM_SPECIAL] = own[:, :NUM_SPECIAL] + (mass_of_text(logits) - mass_of_text(own))[:, None]
        refused = list[int]()
        while True:
            own[0, refused] = logits[0, refused] = -np.inf
            token = chosen(logits[0].copy(), own[0], params, seed, tokens)
            before, text = whole(*tokens), whole(*tokens, token)
            if token < NUM_SPECIAL or text == before or not OFTEN("", text):
                break
            begins = next(text[:end] for end in range(len(before) + 1, len(text) + 1) if OFTEN("", text[:end]))
            refused += [each for each in range(NUM_SPECIAL, len(logits[0])) if whole(*tokens, each).startswith(begins)]
            refusals += 1
        steps += bool(refused)
        if token < NUM_SPECIAL:
            break
        tokens.append(token)
        answering.read(token)
        unprompted.read(token)
    return tokens, steps, refusals


@pytest.mark.parametrize("params", [PLAIN, GUIDED], ids=["plain", "guided"])
def test_tokens_are_those_of_a_loop_that_masks_what_is_refused(params: SamplingParams) -> None:
    """Also beside replies that nothing is refused in; the seen tokens, the filters and the second row as without."""
    params = params.model_copy(update={"max_tokens": 24})
    requests = [ReplyRequest(TALK, params, seed) for seed in range(6)]
    drawn(Batch(guarded(SERVED, OFTEN), SLOTS), *requests)
    taken_back = several = 0
    for request in requests:
        expected, steps, refusals = masked(params, request.seed)
        assert (request.generated, len(request.refusals)) == (expected, refusals)
        assert steps <= REFUSED_STEPS
        taken_back += steps
        several += refusals > steps
    assert taken_back > 5
    assert several
    unguarded = [ReplyRequest(TALK, params, seed) for seed in range(6)]
    drawn(Batch(SERVED, SLOTS), *unguarded)
    assert [request.generated for request in unguarded] != [request.generated for request in requests]


def test_it_goes_on_as_the_whole_did_from_any_given_beginning() -> None:
    """Where the guard counts what was given together with what is drawn, a cut hides nothing from it."""
    params = PLAIN.model_copy(update={"max_tokens": 18})
    whole = ReplyRequest(TALK, params, 3)
    batch = Batch(guarded(SERVED, OFTEN), SLOTS)
    drawn(batch, whole)
    assert whole.refusals
    for cut in range(1, len(whole.generated)):
        left = params.model_copy(update={"max_tokens": len(whole.generated) - cut})
        rest = ReplyRequest(TALK, left, 3, reply_prefix=whole.generated[:cut])
        drawn(batch, rest)
        assert rest.generated == whole.generated[cut:]


def test_what_was_streamed_stays_and_is_the_same_as_the_whole() -> None:
    params = WILD.model_copy(update={"max_tokens": 60})
    served = guarded(SERVED, now_and_then(9))

    async def test(engine: Engine) -> None:
        streams = [engine.submit(TALK, params, seed) for seed in range(8)]
        for seed, stream in enumerate(streams):
            pieces = [piece async for piece in stream]
            completion = await stream.completion()
            assert "".join(pieces) == completion.text
            assert completion == Engine(served, SLOTS).reply(TALK, params, seed)
        assert engine.refusals["", "run"] > 8

    use(served, test)


def test_after_eight_steps_the_reply_ends_with_what_was_said_before() -> None:
    """Each token that the parrot is sure of is refused, and so is no other."""
    rule = now_and_then(2)
    ended = []
    for seed in range(8):
        request = ReplyRequest([], WILD, seed)
        drawn(Batch(guarded(SERVED, rule), SLOTS), request)
        assert request.completion
        assert not rule("", whole(*request.generated))
        if request.completion.finish_reason == "content_filter":
            ended.append(request._refused_steps)
            assert request.completion.text == whole(*request.generated).strip()
            assert len(request.generated) < WILD.max_tokens
    assert len(ended) > 4
    assert set(ended) == {REFUSED_STEPS + 1}


def test_where_everything_is_refused_it_ends_without_a_word() -> None:
    """At one step no more tokens are tried than REFUSALS_A_STEP, and no more than may come next."""
    for params in (WILD, GREEDY):
        request = ReplyRequest([], params, 0)
        drawn(Batch(guarded(SERVED, lambda *_: True), SLOTS), request)
        assert request.completion
        assert (request.completion.text, request.completion.finish_reason) == ("", "content_filter")
        assert len(request.refused) > REFUSALS_A_STEP
        assert request._refused_here == REFUSALS_A_STEP + 1
        assert len(request.generated) < 6
    letters = ReplyRequest([], GREEDY, 0)
    served = snapshot(Tokenizer.of_characters(["hey lol"]))
    drawn(Batch(guarded(served, lambda *_: True), SLOTS), letters)
    assert letters.completion
    assert (letters.completion.text, letters.completion.finish_reason) == ("", "content_filter")
    assert sorted(letters.refused) == [token for token, raw in enumerate(served.tokenizer.token_bytes) if raw.strip()]


def test_a_character_is_refused_with_the_token_that_completes_it() -> None:
    """Its bytes are tokens of their own here, and there is one of them that no other can stand for."""
    served = guarded(parrot("hey 😂"), lambda _, text: "😂" in text)
    request = ReplyRequest([], GREEDY, 0)
    drawn(Batch(served, SLOTS), request)
    assert request.completion
    assert request.completion.text.startswith("hey")
    assert "😂" not in request.completion.text
    assert request.refusals[0] == "run"
    everything = guarded(parrot("hey 😂"), lambda _, text: not "hey ".startswith(text))
    ended = Engine(everything, SLOTS).reply([], GREEDY, 0)
    assert (ended.text, ended.finish_reason) == ("hey", "content_filter")


def test_what_a_stop_word_cuts_off_is_not_refused() -> None:
    request = ReplyRequest([], GREEDY, 0, stop=["y"])
    drawn(Batch(guarded(parrot("hey lol"), lambda _, text: "lol" in text), SLOTS), request)
    assert request.completion
    assert (request.completion.text, request.completion.finish_reason, request.refusals) == ("he", "stop", [])


def test_what_a_long_beginning_costs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each refusal all of it is read again."""
    monkeypatch.setattr("model.engine.request.MOST_READ_AGAIN", 300)
    served, begun = guarded(SERVED, lambda _, text: bool(text)), [NUM_SPECIAL] * 98
    for prefix, refusals in ((begun, 3), (begun[:8], REFUSALS_A_STEP + 1)):
        request = ReplyRequest([], WILD, 0, reply_prefix=prefix)
        drawn(Batch(served, SLOTS), request)
        assert request.completion
        assert (request.completion.text, request.completion.finish_reason) == ("", "content_filter")
        assert len(request.refusals) == refusals


LOSS = GuardIndex.of(
    [GuardedText("the wifi password: loss"), *(GuardedText("I lossy it", day=day) for day in range(3))],
    Key(b"of these tests alone"),
    Detector(),
)
"""What guards a password that begins a common word."""


def test_an_alternative_is_withheld_if_the_reply_must_not_end_with_it() -> None:
    the, loss, y = (TOKENIZER.encode(text) for text in ("the", " loss", "y"))
    reply = GuardedReply(LOSS, TOKENIZER, the)
    assert reply.withhold(TokenLogprobs(loss[0], -0.1, 1.0, ((loss[0], -0.1), (y[0], -3.0))), 2).withheld
    assert reply.withhold(TokenLogprobs(y[0], -0.1, 1.0, ((y[0], -0.1), (BOS, -3.0))), 2).withheld
    assert not reply.withhold(TokenLogprobs(y[0], -0.1, 1.0, ((y[0], -0.1), (BOS, -3.0))), 2).withheld


def test_no_reply_ends_with_a_word_that_is_refused_where_it_ends() -> None:
    """Not where the network ends it, nor where it is cut; and where it ends at the word, the word was not shown."""
    served = replace(parrot("the loss"), guard=LOSS)
    for most in range(1, 40):
        request = ReplyRequest([], GREEDY.model_copy(update={"max_tokens": most}), 0, logprobs=True)
        batch, text, told = Batch(served, SLOTS), "", list[int]()
        batch.admit(request)
        while not request.completion:
            batch.round()
            update = request.take_update()
            text, told = text + update.piece, told + [entry.token for entry in update.logprobs]
            assert not re.search(r"loss(?!\w)", text)
            assert not re.search(r"loss(?!\w)", whole(*told))
        assert text == request.completion.text
        assert (most < 2) == (request.refusals == [])
    watched = ReplyRequest([], GREEDY, 0, logprobs=True, withhold=TOP)
    drawn(Batch(served, SLOTS), watched)
    assert [entry.withheld for entry in watched.withheld(watched.take_update().logprobs)][:2] == [False, True]


def test_of_candidates_one_that_the_guard_ended_is_chosen_last() -> None:
    params, ended = WILD.model_copy(update={"candidates": 4, "max_tokens": 60}), list[int]()
    batch = Batch(guarded(SERVED, now_and_then(4)), SLOTS)
    for seed in range(6):
        request = CandidatesRequest(TALK, params, seed)
        drawn(batch, request)
        reasons = [candidate.completion.finish_reason for candidate in request.drawn if candidate.completion]
        ended.append(reasons.count("content_filter"))
        assert request.completion
        assert (request.completion.finish_reason == "content_filter") == (ended[-1] == len(reasons))
        assert len(request.refusals) == sum(len(candidate.refusals) for candidate in request.drawn)
    assert any(0 < count < 4 for count in ended)


def test_log_probabilities_are_withheld_where_a_guarded_token_is_likely() -> None:
    """The whole step is: of what is left of a distribution one would see what was taken out of it."""

    async def test(engine: Engine) -> None:
        shown = [engine.submit([], GREEDY, 0, logprobs=True, withhold=withhold) for withhold in (TOP, 0)]
        withheld, known_all = [(await stream.completion(), await stream.shown_logprobs())[1] for stream in shown]
        assert [entry.token for entry in withheld] == [entry.token for entry in known_all]
        hidden = [entry.withheld for entry in withheld]
        assert 0 < sum(hidden) < len(hidden)
        said = [whole(*(entry.token for entry in known_all[:number])) for number in range(len(known_all))]
        for text, entry, known in zip(said, withheld, known_all, strict=True):
            texts = [text + TOKENIZER.decode([token]) for token, _ in known.top if token >= NUM_SPECIAL]
            assert (entry.withheld, known.withheld) == (any("lol" in text for text in texts), False)
            assert entry[1:4] == ((0.0, 0.0, ()) if entry.withheld else known[1:4])

    use(guarded(parrot("hey lol"), lambda _, text: "lol" in text), test)


def test_as_many_of_the_likeliest_are_looked_up_as_would_be_shown() -> None:
    async def test(engine: Engine) -> None:
        counts = []
        for withhold in (0, 1, 5, TOP):
            stream = engine.submit(TALK, WILD, 4, logprobs=True, withhold=withhold)
            await stream.completion()
            counts.append(sum(entry.withheld for entry in await stream.shown_logprobs()))
        assert counts == sorted(set(counts))
        assert counts[0] == 0

    use(guarded(SERVED, now_and_then(20)), test)


def test_a_crowd_whose_tokens_are_refused_leaves_no_slot_and_no_row_taken() -> None:
    batch = Batch(guarded(SERVED, OFTEN), SLOTS)
    long = [Turn(mine=False, text="the loss goes down lol " * 8)]
    params = WILD.model_copy(update={"guidance": 1.0, "candidates": 2})
    for rounds in range(8):
        cancel_all_after(batch, [CandidatesRequest(long, params, seed) for seed in range(3)], rounds)
        assert len(batch._unconditional._rows) == 0
