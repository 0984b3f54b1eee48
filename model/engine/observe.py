"""Requests that want to know what the network thinks: what is kept before a round of drawing, and told after it.

Drawing itself stays as it is, so that a reply is the same watched or not: what was drawn is read once more, from the carries
that were there before.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from model.engine.logprobs import token_logprobs
from model.engine.request import ReplyRequest
from model.engine.slots import DECODE_STEPS, Slots

ROWS = 4
"""So many are looked at in one program."""


class ObservedRequests(NamedTuple):
    """A few requests, where each stands among those that are drawn, their carries, and the last token `[ROWS]` of each."""

    requests: list[ReplyRequest]
    places: list[int]
    carry: Any
    last: np.ndarray


def observed_requests(slots: Slots, drawing: Sequence[tuple[int, ReplyRequest]]) -> list[ObservedRequests]:
    """Those of `drawing` (their slots and they) that are watched, before they are drawn on."""
    found = [(place, slot, request) for place, (slot, request) in enumerate(drawing) if request.logprobs]
    return [_kept(slots, found[start : start + ROWS]) for start in range(0, len(found), ROWS)]


def report_logprobs(slots: Slots, some: ObservedRequests, tokens: np.ndarray, counted: Sequence[int]) -> None:
    """Let them know of the `counted` first of the `tokens[B, DRAW_STEPS]` that were drawn then."""
    drawn = np.zeros((ROWS, DECODE_STEPS), np.int32)
    drawn[: len(some.places)] = tokens[some.places]
    read = np.concatenate([some.last[:, None], drawn[:, :-1]], axis=1)
    told = token_logprobs(drawn, slots.look(some.carry, read, drawn))
    for request, place, row in zip(some.requests, some.places, told, strict=False):
        request.add_logprobs(row[: counted[place]])


def compile_logprobs(slots: Slots) -> None:
    """Compile what is needed for it."""
    nothing = np.zeros((ROWS, DECODE_STEPS), np.int32)
    slots.look(slots.keep(np.full(ROWS, slots.nobody, np.int32)), nothing, nothing)


def _kept(slots: Slots, some: Sequence[tuple[int, int, ReplyRequest]]) -> ObservedRequests:
    rows, last = np.full(ROWS, slots.nobody, np.int32), np.zeros(ROWS, np.int32)
    for number, (_, slot, request) in enumerate(some):
        rows[number], last[number] = slot, request.last
    return ObservedRequests(
        [request for _, _, request in some], [place for place, _, _ in some], slots.keep(rows), last
    )
