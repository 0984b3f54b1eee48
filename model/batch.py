"""The replies under way on one Snapshot, going on together a few steps at a time. Knows no threads and no queue."""

from collections.abc import Sequence

import numpy as np

from model.checkpoint import Snapshot
from model.config import SamplingParams
from model.request import Request
from model.sampling import Settings
from model.slots import READ_STEPS, Drawing, Reading, Slots

NOTHING = Request([], SamplingParams(), 0)
"""Whose place it is where a program has more rows than there are requests."""


class Batch:
    """Up to `size` requests on one Snapshot.

    In each `round` every prompt is read on by one part and every reply drawn on by one part, so that a long prompt keeps
    nobody waiting for longer than a part of it takes, and whoever comes waits for one round.
    """

    def __init__(self, snapshot: Snapshot, size: int) -> None:
        self.snapshot, self.size = snapshot, size
        self.widths = widths(size)
        self._running: dict[int, Request] = {}
        self.reset()

    def reset(self) -> list[Request]:
        """Forget all requests, and return them: after an error nobody knows what is in the table."""
        lost = list(self._running.values())
        self._slots = Slots(self.snapshot.model, may_open(self.snapshot), self.size)
        self._running = {}
        self._free = list(range(self.size))
        return lost

    def __len__(self) -> int:
        return len(self._running)

    @property
    def room(self) -> int:
        """How many more there is room for."""
        return len(self._free)

    def admit(self, request: Request) -> None:
        """Take one in; raises DannError, and does not, if the tokenizer cannot spell its conversation."""
        request.begin(self.snapshot.tokenizer, self.snapshot.id)
        self._running[self._free.pop()] = request

    def round(self) -> list[Request]:
        """Go on with all of them; returns those that were drawn on. The ended ones, and those given up, are let go."""
        self._release()
        reading = [(slot, request) for slot, request in self._running.items() if request.unread or request.fresh]
        if reading:
            self._slots.read(self._reading(reading, fitting(self.widths, len(reading))))
        drawing = [(slot, request) for slot, request in self._running.items() if not request.unread]
        if drawing:
            tokens = self._slots.draw(self._drawing(drawing, fitting(self.widths, len(drawing))))
            for (_, request), drawn in zip(drawing, tokens[: len(drawing)].tolist(), strict=True):
                request.draw(drawn)
        self._release()
        return [request for _, request in drawing]

    def warm(self, width: int = 0) -> None:
        """Compile the programs of `width` rows, of every width if it is 0. Only while there are no requests.

        Nothing is to be done where this was done for another network of the same shape.
        """
        for one in [width] if width else self.widths:
            if not self._slots.is_warm(one):
                self._slots.read(self._reading([], one))
                self._slots.draw(self._drawing([], one))
                self._slots.note_warm(one)

    def _release(self) -> None:
        for slot in [slot for slot, request in self._running.items() if request.over]:
            del self._running[slot]
            self._free.append(slot)

    def _reading(self, asked: Sequence[tuple[int, Request]], width: int) -> Reading:
        parts = Reading(
            rows=np.full(width, self._slots.nobody, np.int32),
            tokens=np.zeros((width, READ_STEPS), np.int32),
            skip=np.full(width, READ_STEPS, np.int32),
            fresh=np.ones(width, bool),
        )
        for place, (slot, request) in enumerate(asked):
            parts.rows[place], parts.fresh[place] = slot, request.fresh
            part = request.take_unread(len(request.unread) % READ_STEPS or READ_STEPS)
            parts.skip[place] = READ_STEPS - len(part)
            parts.tokens[place, READ_STEPS - len(part) :] = part
        return parts

    def _drawing(self, asked: Sequence[tuple[int, Request]], width: int) -> Drawing:
        rows = [slot for slot, _ in asked] + [self._slots.nobody] * (width - len(asked))
        requests = [request for _, request in asked] + [NOTHING] * (width - len(asked))
        params = [request.params for request in requests]
        return Drawing(
            rows=np.asarray(rows, np.int32),
            tokens=np.asarray([request.last for request in requests], np.int32),
            seeds=np.asarray([request.seed % 2**32 for request in requests], np.uint32),
            counts=np.asarray([len(request.drawn) for request in requests], np.int32),
            settings=Settings(
                temperature=np.asarray([one.temperature for one in params], np.float32),
                top_k=np.asarray([one.top_k for one in params], np.int32),
                top_p=np.asarray([one.top_p for one in params], np.float32),
                min_p=np.asarray([one.min_p for one in params], np.float32),
                repetition_penalty=np.asarray([one.repetition_penalty for one in params], np.float32),
            ),
        )


def widths(size: int) -> list[int]:
    """The numbers of rows that programs are compiled for, ascending: 1, 4, 16, ..., and one that holds `size`."""
    found = [1]
    while found[-1] < size:
        found.append(4 * found[-1])
    return found


def fitting(widths: Sequence[int], count: int) -> int:
    """The smallest of ascending `widths` that holds `count`."""
    return next(width for width in widths if width >= count)


def may_open(snapshot: Snapshot) -> np.ndarray:
    """Which tokens `[V]` may begin a reply: those that show something, so that none is empty."""
    return np.asarray([bool(token.decode("utf-8", "replace").strip()) for token in snapshot.tokenizer.token_bytes])
