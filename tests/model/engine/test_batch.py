"""Requests advancing together: nobody waits for a long prompt, and a prompt read in chunks is as if read at once."""

import jax
import numpy as np
from flax import nnx

from model.engine.batch import Batch, batch_sizes, smallest_fitting
from model.engine.continuation import ContinuationRequest
from model.engine.engine import Engine
from model.engine.prompt import PROMPT_TOKENS, Turn
from model.engine.request import ReplyRequest
from model.engine.slots import DECODE_STEPS, PREFILL_STEPS
from model.tokenizer import BOS
from tests.model.small_networks import GREEDY, TOKENIZER, WILD, parrot, snapshot

SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""


def test_programs_are_few_and_the_smallest_that_fits_is_taken() -> None:
    assert batch_sizes(64) == [1, 4, 16, 64]
    assert batch_sizes(1) == [1]
    assert [smallest_fitting(batch_sizes(64), count) for count in (1, 2, 5, 17, 64)] == [1, 4, 16, 64, 64]


def test_a_prompt_of_any_length_read_in_parts_is_read_as_at_once() -> None:
    """Every length around a chunk's, in one table: a chunk that is not full, nothing to read, many chunks.

    Of an LSTM of two layers, whose carry has the most arrays; that other cells hand theirs on is in their contract.
    """
    served = snapshot(num_layers=2)
    rng = np.random.default_rng(0)
    lengths = [*range(1, 2 * PREFILL_STEPS + 3), 200]
    prompts = [[BOS, *rng.integers(1, TOKENIZER.vocab_size, length - 1).tolist()] for length in lengths]
    batch = Batch(served, len(prompts))
    requests = [ContinuationRequest(prompt, WILD, 0) for prompt in prompts]
    for request in requests:
        batch.admit(request)
    slots = {request: slot for slot, request in batch._running.items()}
    while prefilling := [(slot, one) for slot, one in batch._running.items() if one.unread or one.fresh]:
        batch._slots.prefill(batch._prefill_batch(prefilling, batch.widest))
    # BOS empties the carry, so that any number of it may stand in front: one forward pass for all lengths.
    padded = np.asarray([[BOS] * (max(lengths) - len(prompt)) + prompt[:-1] for prompt in prompts], np.int32)
    _, carry = nnx.jit(lambda model, tokens: model(tokens, model.initial_carry(len(tokens))))(served.model, padded)
    for array, wanted in zip(jax.tree.leaves(batch._slots._table.carry), jax.tree.leaves(carry), strict=True):
        rows = np.asarray(array)[[slots[request] for request in requests]]
        np.testing.assert_array_equal(rows[0], 0.0)  # a prompt of one token is not read: decoding begins with it
        np.testing.assert_allclose(rows[1:], np.asarray(wanted)[1:], atol=2e-6)
    assert [request.last for request in requests] == [prompt[-1] for prompt in prompts]


def test_a_long_prompt_does_not_hold_up_a_short_request() -> None:
    batch = Batch(snapshot(), SLOTS)
    long = ReplyRequest([Turn(mine=False, text="x" * PROMPT_TOKENS)], WILD, 0)
    short = ReplyRequest([Turn(mine=False, text="hey")], WILD.model_copy(update={"max_tokens": DECODE_STEPS}), 0)
    batch.admit(long)
    batch.admit(short)
    assert batch.round() == [short]
    assert short.completion
    assert not long.generated
    rounds = 1
    while not long.generated:
        batch.round()
        rounds += 1
    assert rounds == -(-(PROMPT_TOKENS - 1) // PREFILL_STEPS)


def test_whoever_comes_while_others_are_drawn_begins_in_the_next_round() -> None:
    batch = Batch(parrot("he", forever=True), SLOTS)
    first, second = (ReplyRequest([], GREEDY.model_copy(update={"max_tokens": 200}), 0) for _ in range(2))
    batch.admit(first)
    batch.round()
    batch.admit(second)
    assert set(batch.round()) == {first, second}
    assert (len(first.generated), len(second.generated)) == (2 * DECODE_STEPS, DECODE_STEPS)


def test_a_place_is_free_as_soon_as_its_reply_ends_or_is_cancelled() -> None:
    batch = Batch(parrot("he", forever=True), SLOTS)
    ends, cancelled = (ReplyRequest([], GREEDY.model_copy(update={"max_tokens": most}), 0) for most in (1, 200))
    batch.admit(ends)
    batch.admit(cancelled)
    assert batch.free_slots == SLOTS - 2
    batch.round()
    assert (batch.free_slots, len(batch)) == (SLOTS - 1, 1)
    cancelled.cancelled = True
    generated = len(cancelled.generated)
    assert batch.round() == []
    assert (batch.free_slots, len(cancelled.generated)) == (SLOTS, generated)


def test_warming_leaves_the_table_as_it_was() -> None:
    """What is compiled ahead must not show in a reply."""
    batch = Batch(snapshot(), SLOTS)
    batch.warm()
    request = ReplyRequest([Turn(mine=False, text="hey")], WILD, 3)
    batch.admit(request)
    while not request.completion:
        batch.round()
    assert request.completion == Engine(snapshot(), SLOTS).reply([Turn(mine=False, text="hey")], WILD, 3)
