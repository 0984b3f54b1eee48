"""Log-probabilities for the requests that ask for them: carries gathered before a decode, scored after it.

Decoding itself stays as it is, so that a reply is the same with and without them: the tokens that were generated are read a
second time, from the carries as they were before.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from model.engine.logprobs import token_logprobs
from model.engine.request import ReplyRequest
from model.engine.slots import DECODE_STEPS, Slots

ROWS = 4
"""Rows of the one program that scores tokens."""


class ObservedRequests(NamedTuple):
    """Up to ROWS requests: the rows of the decode that they have, their carries before it, and their last tokens `[ROWS]`."""

    requests: list[ReplyRequest]
    rows: list[int]
    carry: Any
    last: np.ndarray


def observed_requests(slots: Slots, decoding: Sequence[tuple[int, ReplyRequest]]) -> list[ObservedRequests]:
    """The requests of `decoding` (each with its slot) that ask for log-probabilities; call it before they are decoded."""
    found = [(row, slot, request) for row, (slot, request) in enumerate(decoding) if request.logprobs]
    return [_gather(slots, found[start : start + ROWS]) for start in range(0, len(found), ROWS)]


def report_logprobs(slots: Slots, observed: ObservedRequests, tokens: np.ndarray, num_accepted: Sequence[int]) -> None:
    """Give each request the log-probabilities of its first `num_accepted` of the `tokens[B, DECODE_STEPS]` decoded."""
    generated = np.zeros((ROWS, DECODE_STEPS), np.int32)
    generated[: len(observed.rows)] = tokens[observed.rows]
    read = np.concatenate([observed.last[:, None], generated[:, :-1]], axis=1)
    logprobs = token_logprobs(generated, slots.logprobs(observed.carry, read, generated))
    for request, row, of_request in zip(observed.requests, observed.rows, logprobs, strict=False):
        request.add_logprobs(of_request[: num_accepted[row]])


def compile_logprobs(slots: Slots) -> None:
    """Compile the programs that the functions above call."""
    zeros = np.zeros((ROWS, DECODE_STEPS), np.int32)
    slots.logprobs(slots.gather_carries(np.full(ROWS, slots.padding_row, np.int32)), zeros, zeros)


def _gather(slots: Slots, found: Sequence[tuple[int, int, ReplyRequest]]) -> ObservedRequests:
    rows, last = np.full(ROWS, slots.padding_row, np.int32), np.zeros(ROWS, np.int32)
    for number, (_, slot, request) in enumerate(found):
        rows[number], last[number] = slot, request.last
    return ObservedRequests(
        [request for _, _, request in found], [row for row, _, _ in found], slots.gather_carries(rows), last
    )
