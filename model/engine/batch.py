"""The replies under way on one Snapshot, going on together a few steps at a time. Knows no threads and no queue."""

from collections.abc import Callable, Sequence

import numpy as np

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine import observe
from model.engine.prefix_cache import PrefixCache
from model.engine.request import ReplyRequest
from model.engine.slots import PREFILL_STEPS, DecodeBatch, PrefillBatch, Slots
from model.sampling import SamplingArrays

SlotRequests = list[tuple[int, ReplyRequest]]
"""Requests and their slots."""
KEPT = 4
"""Beginnings of prompts that are kept, for each place: no round needs more than two."""
NOTHING = ReplyRequest([], SamplingParams(), 0)
"""Whose place it is where a program has more rows than there are requests."""


class Batch:
    """Up to `size` requests on one Snapshot.

    In each `round` every prompt is read on by one part and every reply drawn on by one part, so that a long prompt keeps
    nobody waiting for longer than a part of it takes, and whoever comes waits for one round. No program has more rows than
    `widest`, which whoever has not compiled all of them yet may lower to one of `widths`.
    """

    def __init__(self, snapshot: Snapshot, size: int) -> None:
        self.snapshot, self.size = snapshot, size
        self.widths = batch_sizes(size)
        self.widest = self.widths[-1]
        self._running: dict[int, ReplyRequest] = {}
        self.reset()

    def reset(self) -> list[ReplyRequest]:
        """Forget all requests, and return them: after an error nobody knows what is in the table."""
        lost = list(self._running.values())
        self._slots = Slots(self.snapshot.model, opening_tokens(self.snapshot), self.size, KEPT * self.size)
        self._prefixes = PrefixCache(self._slots.spare)
        self._sources: dict[int, int] = {}
        self._prompts: dict[int, list[int]] = {}
        self._running = {}
        self._free = list(range(self.size))
        return lost

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free_slots(self) -> int:
        """How many more there is room for."""
        return len(self._free)

    def admit(self, request: ReplyRequest) -> None:
        """Take one in; raises DannError, and does not, if the tokenizer cannot spell its conversation."""
        request.begin(self.snapshot.tokenizer, self.snapshot.id)
        slot = self._free.pop()
        self._running[slot] = request
        self._prompts[slot] = request.unread
        known, source = self._prefixes.find(request.unread[: len(request.unread) - request.own_unread])
        if known:  # its first part is read in the next round, before the row can go to another
            self._sources[slot] = source
            request.unread = request.unread[known:]

    def round(self) -> list[ReplyRequest]:
        """Go on with all of them; returns those that were drawn on. The ended ones, and those given up, are let go."""
        self._release()
        reading = [(slot, request) for slot, request in self._running.items() if request.unread or request.fresh]
        for some in _parts(reading, widest := self.widest):
            self._slots.read(self._reading(some, smallest_fitting(self.widths, len(some))))
        drawing = [(slot, request) for slot, request in self._running.items() if not request.unread]
        for some in _parts(drawing, widest):
            watched = observe.observed_requests(self._slots, some)
            tokens = self._slots.draw(self._drawing(some, smallest_fitting(self.widths, len(some))))[: len(some)]
            counted = [request.draw(drawn) for (_, request), drawn in zip(some, tokens.tolist(), strict=True)]
            for few in watched:
                observe.report_logprobs(self._slots, few, tokens, counted)
        self._release()
        return [request for _, request in drawing]

    def warm(self, width: int = 0, stop: Callable[[], bool] = bool) -> None:
        """Compile the programs of `width` rows, of every width if it is 0. Only while there are no requests.

        Nothing is to be done where this was done for another network of the same shape. One takes a second or more where
        it is not cached: `stop` is asked after the first of a width whether to go on.
        """
        for one in [width] if width else self.widths:
            if self._slots.is_warm(one):
                continue
            self._slots.read(self._reading([], one))
            if stop():
                return
            if one == self.widths[0]:
                observe.compile_logprobs(self._slots)
            self._slots.draw(self._drawing([], one))
            self._slots.note_warm(one)

    def _release(self) -> None:
        for slot in [slot for slot, request in self._running.items() if request.over]:
            del self._running[slot], self._prompts[slot]
            self._sources.pop(slot, None)
            self._free.append(slot)

    def _reading(self, asked: SlotRequests, width: int) -> PrefillBatch:
        parts = PrefillBatch(
            rows=np.full(width, self._slots.nobody, np.int32),
            sources=np.full(width, self._slots.nobody, np.int32),
            copies=np.full(width, self._slots.nobody, np.int32),
            tokens=np.zeros((width, PREFILL_STEPS), np.int32),
            skip=np.full(width, PREFILL_STEPS, np.int32),
            fresh=np.ones(width, bool),
            first=np.zeros(width, bool),
            own=np.zeros((width, PREFILL_STEPS), bool),
        )
        for place, (slot, request) in enumerate(asked):
            source = self._sources.pop(slot, None)
            parts.rows[place], parts.sources[place] = slot, slot if source is None else source
            parts.fresh[place], parts.first[place] = request.fresh and source is None, request.fresh
            own = request.own_unread
            part = request.take_unread(len(request.unread) % PREFILL_STEPS or PREFILL_STEPS)
            parts.own[place, PREFILL_STEPS - (own - request.own_unread) :] = True
            conversation_read = not request.unread and not request.reply_prefix
            if conversation_read and (copy := self._prefixes.claim(self._prompts[slot])) is not None:
                parts.copies[place] = copy
            parts.skip[place] = PREFILL_STEPS - len(part)
            parts.tokens[place, PREFILL_STEPS - len(part) :] = part
        return parts

    def _drawing(self, asked: SlotRequests, width: int) -> DecodeBatch:
        rows = [slot for slot, _ in asked] + [self._slots.nobody] * (width - len(asked))
        requests = [request for _, request in asked] + [NOTHING] * (width - len(asked))
        params = [request.params for request in requests]
        return DecodeBatch(
            rows=np.asarray(rows, np.int32),
            tokens=np.asarray([request.last for request in requests], np.int32),
            seeds=np.asarray([request.seed % 2**32 for request in requests], np.uint32),
            counts=np.asarray([len(request.reply_prefix) + len(request.generated) for request in requests], np.int32),
            settings=SamplingArrays(
                temperature=np.asarray([one.temperature for one in params], np.float32),
                top_k=np.asarray([one.top_k for one in params], np.int32),
                top_p=np.asarray([one.top_p for one in params], np.float32),
                min_p=np.asarray([one.min_p for one in params], np.float32),
                repetition_penalty=np.asarray([one.repetition_penalty for one in params], np.float32),
            ),
        )


def _parts(asked: SlotRequests, most: int) -> list[SlotRequests]:
    return [asked[start : start + most] for start in range(0, len(asked), most)]


def batch_sizes(size: int) -> list[int]:
    """The numbers of rows that programs are compiled for, ascending: 1, 4, 16, ..., and one that holds `size`."""
    found = [1]
    while found[-1] < size:
        found.append(4 * found[-1])
    return found


def smallest_fitting(widths: Sequence[int], count: int) -> int:
    """The smallest of ascending `widths` that holds `count`."""
    return next(width for width in widths if width >= count)


def opening_tokens(snapshot: Snapshot) -> np.ndarray:
    """Which tokens `[V]` may begin a reply: those that show something, so that none is empty."""
    return np.asarray([bool(token.decode("utf-8", "replace").strip()) for token in snapshot.tokenizer.token_bytes])
