"""The replies in progress on one Snapshot, advanced together a few steps at a time. Knows no threads and no queue."""

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
"""Requests, each with its slot."""
PREFIXES_PER_SLOT = 4
"""Cached prompt prefixes, for each slot: no round needs more than two."""
PADDING_REQUEST = ReplyRequest([], SamplingParams(), 0)
"""Fills a program's rows where there are fewer requests than rows."""


class Batch:
    """Up to `size` requests on one Snapshot.

    In each `round` every prompt is read on by one chunk and every reply decoded on by one chunk, so that a long prompt holds
    up nobody for longer than a chunk takes, and a new request waits for one round. No program has more rows than `widest`,
    one of `widths`, which is lowered while wider programs are not compiled yet.
    """

    def __init__(self, snapshot: Snapshot, size: int) -> None:
        self.snapshot, self.size = snapshot, size
        self.widths = batch_sizes(size)
        self.widest = self.widths[-1]
        self._running: dict[int, ReplyRequest] = {}
        self.reset()

    def reset(self) -> list[ReplyRequest]:
        """Drop all requests and return them: after an error the table's contents are unknown."""
        lost = list(self._running.values())
        # A reply begins with a token of visible text, so that none is empty.
        opens = [bool(token.decode("utf-8", "replace").strip()) for token in self.snapshot.tokenizer.token_bytes]
        self._slots = Slots(self.snapshot.model, np.asarray(opens), self.size, PREFIXES_PER_SLOT * self.size)
        self._prefixes = PrefixCache(self._slots.prefix_rows)
        self._sources: dict[int, int] = {}
        self._prompts: dict[int, list[int]] = {}
        self._running = {}
        self._free = list(range(self.size))
        return lost

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free_slots(self) -> int:
        """How many more requests fit."""
        return len(self._free)

    def admit(self, request: ReplyRequest) -> None:
        """Give a request a slot; raises DannError, and gives none, if the tokenizer cannot encode its conversation."""
        request.tokenize(self.snapshot.tokenizer, self.snapshot.id)
        slot = self._free.pop()
        self._running[slot] = request
        self._prompts[slot] = request.unread
        cached, source = self._prefixes.find(request.unread[: len(request.unread) - request.unread_reply_tokens])
        if cached:  # its first chunk is read in the next round, before the source row can be given to another prefix
            self._sources[slot] = source
            request.unread = request.unread[cached:]

    def round(self) -> list[ReplyRequest]:
        """Advance all requests; returns those that were decoded. Finished and cancelled ones leave their slots."""
        self._release()
        prefilling = [(slot, request) for slot, request in self._running.items() if request.unread or request.fresh]
        for chunk in _chunks(prefilling, widest := self.widest):
            self._slots.prefill(self._prefill_batch(chunk, smallest_fitting(self.widths, len(chunk))))
        decoding = [(slot, request) for slot, request in self._running.items() if not request.unread]
        for chunk in _chunks(decoding, widest):
            observed = observe.observed_requests(self._slots, chunk)
            batch = self._decode_batch(chunk, smallest_fitting(self.widths, len(chunk)))
            tokens = self._slots.decode(batch)[: len(chunk)]
            num_accepted = [request.accept(row) for (_, request), row in zip(chunk, tokens.tolist(), strict=True)]
            for requests in observed:
                observe.report_logprobs(self._slots, requests, tokens, num_accepted)
        self._release()
        return [request for _, request in decoding]

    def warm(self, width: int = 0, stop: Callable[[], bool] = bool) -> None:
        """Compile the programs of `width` rows, of every width if it is 0. Only while there are no requests.

        Free where it was done for another network of the same shape. A program takes a second or more where it is not
        cached: `stop` is called after the first of a width; True breaks off.
        """
        for rows in [width] if width else self.widths:
            if rows in self._slots.warm:
                continue
            self._slots.prefill(self._prefill_batch([], rows))
            if stop():
                return
            if rows == self.widths[0]:
                observe.compile_logprobs(self._slots)
            self._slots.decode(self._decode_batch([], rows))
            self._slots.warm.add(rows)

    def _release(self) -> None:
        for slot in [slot for slot, request in self._running.items() if request.finished]:
            del self._running[slot], self._prompts[slot]
            self._sources.pop(slot, None)
            self._free.append(slot)

    def _prefill_batch(self, requests: SlotRequests, width: int) -> PrefillBatch:
        batch = PrefillBatch(
            rows_B=np.full(width, self._slots.padding_row, np.int32),
            sources_B=np.full(width, self._slots.padding_row, np.int32),
            copies_B=np.full(width, self._slots.padding_row, np.int32),
            tokens_BxT=np.zeros((width, PREFILL_STEPS), np.int32),
            skip_B=np.full(width, PREFILL_STEPS, np.int32),
            fresh_B=np.ones(width, bool),
            first_B=np.zeros(width, bool),
            is_reply_BxT=np.zeros((width, PREFILL_STEPS), bool),
        )
        for row, (slot, request) in enumerate(requests):
            source = self._sources.pop(slot, None)
            batch.rows_B[row], batch.sources_B[row] = slot, slot if source is None else source
            batch.fresh_B[row], batch.first_B[row] = request.fresh and source is None, request.fresh
            reply_tokens = request.unread_reply_tokens
            chunk = request.take_unread(len(request.unread) % PREFILL_STEPS or PREFILL_STEPS)
            batch.is_reply_BxT[row, PREFILL_STEPS - (reply_tokens - request.unread_reply_tokens) :] = True
            conversation_read = not request.unread and not request.reply_prefix
            if conversation_read and (copy := self._prefixes.claim(self._prompts[slot])) is not None:
                batch.copies_B[row] = copy
            batch.skip_B[row] = PREFILL_STEPS - len(chunk)
            batch.tokens_BxT[row, PREFILL_STEPS - len(chunk) :] = chunk
        return batch

    def _decode_batch(self, slot_requests: SlotRequests, width: int) -> DecodeBatch:
        padding = width - len(slot_requests)
        rows = [slot for slot, _ in slot_requests] + [self._slots.padding_row] * padding
        requests = [request for _, request in slot_requests] + [PADDING_REQUEST] * padding
        params = [request.params for request in requests]
        lengths = [len(request.reply_prefix) + len(request.generated) for request in requests]
        return DecodeBatch(
            rows_B=np.asarray(rows, np.int32),
            tokens_B=np.asarray([request.last for request in requests], np.int32),
            seeds_B=np.asarray([request.seed % 2**32 for request in requests], np.uint32),
            counts_B=np.asarray(lengths, np.int32),
            params=SamplingArrays(
                temperature=np.asarray([one.temperature for one in params], np.float32),
                top_k=np.asarray([one.top_k for one in params], np.int32),
                top_p=np.asarray([one.top_p for one in params], np.float32),
                min_p=np.asarray([one.min_p for one in params], np.float32),
                repetition_penalty=np.asarray([one.repetition_penalty for one in params], np.float32),
            ),
        )


def _chunks(requests: SlotRequests, size: int) -> list[SlotRequests]:
    return [requests[start : start + size] for start in range(0, len(requests), size)]


def batch_sizes(size: int) -> list[int]:
    """The numbers of rows that programs are compiled for, ascending: 1, 4, 16, ..., and one that holds `size`."""
    sizes = [1]
    while sizes[-1] < size:
        sizes.append(4 * sizes[-1])
    return sizes


def smallest_fitting(widths: Sequence[int], count: int) -> int:
    """The smallest of ascending `widths` that holds `count`."""
    return next(width for width in widths if width >= count)
