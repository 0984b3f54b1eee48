"""A reply is the same, bit for bit, alone and in a batch, in whatever row.

If a shape fails here after JAX was upgraded: XLA adds in another order within a program than where the method was
tried (model/architectures/parts/batch_invariant.py), or sums otherwise for another number of rows (model/sampling.py).
"""

import random
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from model.checkpoints.calibration import Calibration
from model.config import SamplingParams
from model.engine import batch
from model.engine.batch import Batch
from model.engine.engine import Engine
from model.engine.prompt import Turn
from model.engine.request import ReplyRequest
from model.sampling import SHORTLIST
from tests.model.engine.text.test_drawn_words import IS_LETTERS, SHORT
from tests.model.made_up_guard import guarded, now_and_then
from tests.model.small_networks import TOKENIZER, WILD, snapshot

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("optimized")]

SHAPE: dict[str, Any] = {"hidden_dim": 256, "embed_dim": 128}


def crowd(count: int) -> list[tuple[list[Turn], SamplingParams, int]]:
    """Requests of every kind: long and short, wild and greedy, guided and not, with each filter on and off."""
    rng, requests = random.Random(1), []
    for number in range(count):
        words = " ".join(rng.choices(["hey", "the loss", "lol", "😂", "goes", "ё"], k=rng.randrange(60)))
        params = SamplingParams(
            temperature=rng.choice([0.0, 0.7, 1.3, 2.0]),
            top_k=rng.choice([0, 1, 40, 200]),
            top_p=rng.choice([0.5, 0.95, 1.0]),
            min_p=rng.choice([0.0, 0.05]),
            word_min_p=rng.choice([0.0, 0.1, 0.5]),
            repetition_penalty=rng.choice([1.0, 1.3]),
            guidance=rng.choice([0.0, 0.0, 0.6, 3.0]),
            candidates=rng.choice([1, 1, 1, 2]),
            max_tokens=rng.randrange(1, 40),
        )
        requests.append(([Turn(mine=number % 3 == 0, text=words)], params, number))
    return requests


def test_a_reply_is_the_same_alone_and_in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "batch_sizes", lambda _: [1, 64])  # the others are seen below, in the table
    engine, requests = Engine(snapshot(guidable=True, **SHAPE)), crowd(64)
    together = engine.replies(requests)
    assert len({reply.text for reply in together}) > 50, "of every kind: otherwise this says little"
    assert {reply.finish_reason for reply in together} == {"stop", "length"}
    assert TOKENIZER.vocab_size > SHORTLIST
    shuffled = random.Random(2).sample(range(64), 64)
    again = engine.replies([requests[number] for number in shuffled])
    assert [again[shuffled.index(number)] for number in range(64)] == together
    assert [engine.reply(*one) for one in requests[:8]] == together[:8]


def test_a_guarded_and_calibrated_reply_is_the_same_alone_and_in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are taken back at steps of their own, by a token or by a word, and read again beside rows that are decoded."""
    monkeypatch.setattr(batch, "batch_sizes", lambda _: [1, 64])
    bias_V = np.where(IS_LETTERS, 1.0, 0.0).astype(np.float32)
    served = replace(snapshot(guidable=True, **SHAPE), calibration=Calibration(bias_V, SHORT, 0.3))
    engine, requests = Engine(guarded(served, now_and_then(8))), crowd(64)
    together = engine.replies(requests)
    assert {reply.finish_reason for reply in together} == {"stop", "length", "content_filter"}
    unguarded = Engine(served).replies(requests)
    same = [reply == free for reply, free in zip(together, unguarded, strict=True)]
    assert 4 < sum(same) < 60, "some are taken back and some are not"
    shuffled = random.Random(3).sample(range(16), 16)  # in other company and other rows than before
    again = engine.replies([requests[number] for number in shuffled])
    assert [again[shuffled.index(number)] for number in range(16)] == together[:16]
    assert [engine.reply(*one) for one in requests[:6]] == together[:6]


def table_row(shape: dict[str, Any], count: int) -> list[np.ndarray]:
    """The table's row of one request among `count`, two rounds after its prompt is read."""
    replies = Batch(snapshot(guidable=True, **shape), 64)
    fillers = [ReplyRequest([Turn(mine=False, text="lol " * number)], WILD, number) for number in range(count - 1)]
    prompt = [Turn(mine=False, text="the loss goes down lol " * 3)]
    target = ReplyRequest(prompt, WILD.model_copy(update={"max_tokens": 41}), 7)
    for request in [*fillers[: count // 2], target, *fillers[count // 2 :]]:
        replies.admit(request)
    slot = next(slot for slot, request in replies._running.items() if request is target)
    while target.unread:
        replies.round()
    for _ in range(2):
        replies.round()
    return [np.asarray(array[slot]) for array in jax.tree.leaves(replies._slots._table)]


def test_what_is_remembered_has_the_same_bits_in_every_width_and_place() -> None:
    """Texts could agree by luck; this is what all that follows is computed from. Other networks: test_rows.py."""
    alone = table_row(SHAPE, 1)
    assert any(array.any() for array in alone)
    for count in (4, 9, 64):
        for array, expected in zip(table_row(SHAPE, count), alone, strict=True):
            np.testing.assert_array_equal(array, expected, err_msg=f"{count} at once")
