"""The best of several replies: the choice against scores computed separately, its seed, its stream and its slots."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from model.engine.batch import Batch
from model.engine.candidates import LENGTH_EXPONENT, CandidatesRequest, candidate_seed, reply_request
from model.engine.engine import Engine, Load, Turn, prompt_tokens
from model.engine.request import ReplyRequest
from model.tokenizer import BOS, ME, NUM_SPECIAL
from tests.model.engine.test_guidance import TALK, drawn, follow
from tests.model.small_networks import TOKENIZER, WILD, snapshot

SERVED = snapshot(guidable=True)
SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""
FOUR = WILD.model_copy(update={"candidates": 4, "max_tokens": 24})
STOPS = "aeiou \ufffd"
ONE = FOUR.model_copy(update={"candidates": 1})


def log_likelihood(prompt: list[int], reply: ReplyRequest, *, ends: bool = True) -> float:
    """Log-probability of a reply after `prompt`, in nats: of its tokens, and of any special one if it `ends` with one."""
    assert reply.completion
    logits = follow(SERVED, prompt, reply.generated)
    logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    of_tokens = sum(logprobs[number, token] for number, token in enumerate(reply.generated))
    ended = ends and reply.completion.finish_reason == "stop"
    return float(of_tokens + ended * np.log(np.exp(logprobs[-1, :NUM_SPECIAL]).sum()))


@pytest.mark.parametrize("guidance", [0.0, 1.5])
def test_the_candidate_with_the_best_score_is_the_reply(guidance: float) -> None:
    """Over seeds in which every place wins, and short and long replies do."""
    params, wins = FOUR.model_copy(update={"guidance": guidance}), list[int]()
    batch = Batch(SERVED, SLOTS)
    for seed in range(12):
        request = CandidatesRequest(TALK, params, seed)
        drawn(batch, request)
        scores = []
        for candidate in request.drawn:
            sums = [log_likelihood(prompt, candidate) for prompt in (prompt_tokens(TOKENIZER, TALK), [BOS, ME])]
            assert candidate.log_likelihoods.tolist() == pytest.approx(sums, abs=1e-3)
            scores.append((sums[0] - sums[1]) / len(candidate.generated) ** LENGTH_EXPONENT)
        best = request.drawn[int(np.argmax(scores))]
        assert best.completion
        assert request.completion == replace(best.completion, seed=seed)
        wins.append(int(np.argmax(scores)))
    assert set(wins) == {0, 1, 2, 3}


def test_candidates_are_what_their_seeds_would_give_alone() -> None:
    """The first has the request's own seed, so that one candidate and none are the same."""
    engine, request = Engine(SERVED, SLOTS), CandidatesRequest(TALK, FOUR, 7)
    drawn(Batch(SERVED, SLOTS), request)
    seeds = [candidate_seed(7, number) for number in range(4)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 4
    assert seeds == [candidate_seed(7 + 2**32 * (number > 0), number) for number in range(4)]
    assert [candidate.completion for candidate in request.drawn] == [engine.reply(TALK, ONE, seed) for seed in seeds]


def test_the_choice_is_the_same_alone_and_where_not_all_candidates_find_a_slot_at_once() -> None:
    mixed = [
        (TALK if number % 4 else [], FOUR.model_copy(update={"candidates": 1 + number % 3}), number)
        for number in range(10)
    ]
    together = Engine(SERVED, SLOTS).replies(mixed)
    assert together == [Engine(SERVED, SLOTS).reply(*one) for one in mixed]


def test_where_there_is_nothing_to_choose_one_reply_is_drawn() -> None:
    for talk, params in ((TALK, ONE), (TALK, FOUR.model_copy(update={"temperature": 0.0})), ([], FOUR)):
        request = reply_request(talk, params, 3)
        assert type(request) is ReplyRequest
        assert not request.is_paired(guidable=False)
    assert isinstance(reply_request(TALK, FOUR, 3), CandidatesRequest)


def test_it_streams_as_one_piece_with_the_log_probabilities_of_what_was_chosen() -> None:
    params = FOUR.model_copy(update={"max_tokens": 40})

    async def use() -> None:
        async with asyncio.timeout(120), Engine(SERVED, SLOTS) as engine:
            for seed in range(3):
                stream = engine.submit(TALK, params, seed, logprobs=True)
                (piece,) = [piece async for piece in stream]
                completion = await stream.completion()
                assert completion.text == piece
                assert completion == Engine(SERVED, SLOTS).reply(TALK, params, seed)
                tokens = [of.token for of in stream.take_logprobs() if of.token >= NUM_SPECIAL]
                assert TOKENIZER.decode(tokens).strip() == piece
                assert len(tokens) == completion.tokens
            assert engine.load == Load(0, SLOTS, 0)
            assert engine.tokens_generated > 3 * 4

    asyncio.run(use())


def test_stop_words_and_a_beginning_hold_for_every_candidate() -> None:
    """What holds the stop word counts, and there is no end."""
    request = CandidatesRequest(TALK, FOUR, 3, reply_prefix="the loss", stop=[*STOPS])
    drawn(Batch(SERVED, SLOTS), request)
    beginning = TOKENIZER.encode("the loss")
    for candidate in request.drawn:
        assert candidate.completion
        assert candidate.completion.finish_reason == "stop"
        assert set(TOKENIZER.decode(candidate.generated)) & set(STOPS)
        assert not set(candidate.completion.text) & set(STOPS)
        sums = [
            log_likelihood([*prompt, *beginning], candidate, ends=False)
            for prompt in (prompt_tokens(TOKENIZER, TALK), [BOS, ME])
        ]
        assert candidate.log_likelihoods.tolist() == pytest.approx(sums, abs=1e-3)


def cancel_all_after(batch: Batch, requests: Sequence[ReplyRequest], rounds: int) -> None:
    """Admit more replies than there are slots, cancel them after some rounds, and see that nothing stays taken."""
    for request in requests:
        batch.admit(request)
    assert (len(batch), batch.free_slots) == (len(requests), 0)
    for _ in range(rounds):
        batch.round()
    for request in requests:
        request.cancelled = True
    assert batch.round() == []
    assert (len(batch), batch.free_slots) == (0, SLOTS)


def test_cancelling_frees_every_slot_and_row_whether_seated_or_not() -> None:
    batch, long = Batch(SERVED, SLOTS), [Turn(mine=False, text="the loss goes down lol " * 8)]
    for rounds in range(12):
        params = FOUR.model_copy(update={"candidates": 3})
        cancel_all_after(batch, [CandidatesRequest(long, params, seed) for seed in range(3)], rounds)
    last = CandidatesRequest(TALK, FOUR, 7)
    drawn(batch, last)
    assert last.completion == Engine(SERVED, SLOTS).reply(TALK, FOUR, 7)
