"""The replies in progress on one Snapshot, advanced together a few steps at a time. Knows no threads and no queue."""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine import observe
from model.engine.guidance import token_log_likelihoods
from model.engine.prefix_cache import PrefixCache
from model.engine.request import ReplyRequest
from model.engine.slots import PREFILL_STEPS, DecodeBatch, PairBatch, PrefillBatch, Slots
from model.engine.spelling import WHOLE, spelling_of, states_after
from model.engine.table_rows import table_size
from model.engine.unconditional_rows import UnconditionalRows
from model.sampling import SamplingArrays

SlotRequests = list[tuple[int, ReplyRequest]]
"""Requests, each with its slot."""
PADDING_REQUEST = ReplyRequest([], SamplingParams(), 0)
"""Fills a program's rows where there are fewer requests than rows."""


class Batch:
    """Up to `size` replies on one Snapshot, fewer where its carry is large; a request may draw several (candidates.py).

    In each `round` every prompt is read on by one chunk and every reply decoded on by one chunk, so that a long prompt holds
    up nobody for longer than a chunk takes, and a new request waits for one round. No program has more rows than `widest`,
    one of `widths`, which is lowered while wider programs are not compiled yet; `widest_pairs` is the same for replies with
    a second row (unconditional_rows.py), and 0 where a caller must not admit any yet.
    """

    def __init__(self, snapshot: Snapshot, size: int) -> None:
        self.snapshot, self.table_size = snapshot, table_size(snapshot.model, size)
        self.size = self.table_size.slots
        self.widths = batch_sizes(self.size)
        self.widest = self.widest_pairs = self.widths[-1]
        self._spelling = spelling_of(snapshot.tokenizer.token_bytes)
        self._requests: set[ReplyRequest] = set()
        self._running: dict[int, ReplyRequest] = {}
        self.reset()

    def reset(self) -> list[ReplyRequest]:
        """Drop all requests and return them: after an error the table's contents are unknown."""
        lost = list(self._requests)
        calibration = self.snapshot.calibration
        bias_V = calibration.bias_V if calibration else None
        self._slots = Slots(self.snapshot.model, self._spelling, self.size, self.table_size.prefixes, bias_V)
        self._prefixes = PrefixCache(self._slots.prefix_rows)
        self._unconditional = UnconditionalRows(self._slots, self._prefixes, self.widths[0])
        self._sources: dict[int, int] = {}
        self._prompts: dict[int, list[int]] = {}
        self._states: dict[int, int] = {}
        self._running, self._owners = {}, dict[int, ReplyRequest]()
        self._waiting = deque[tuple[ReplyRequest, ReplyRequest]]()
        self._requests.clear()
        self._free = list(range(self.size))
        return lost

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def free_slots(self) -> int:
        """How many more requests fit, if none draws several replies; those that have no slot yet come first."""
        return len(self._free)

    def admit(self, request: ReplyRequest) -> None:
        """Take a request; raises DannError, and takes nothing, if the tokenizer cannot encode its conversation.

        Its replies get slots as soon as there are free ones.
        """
        held = self.snapshot
        request.tokenize(held.tokenizer, held.id, held.guard, held.calibration)
        self._requests.add(request)
        self._waiting.extend((drawn, request) for drawn in request.drawn)
        self._seat()

    def round(self) -> list[ReplyRequest]:
        """Advance all requests; returns those that were decoded. Finished and cancelled ones leave their slots."""
        self._release()
        prefilling = [(slot, request) for slot, request in self._running.items() if request.unread or request.fresh]
        for chunk in _chunks(prefilling, widest := self.widest):
            self._slots.prefill(self._prefill_batch(chunk, smallest_fitting(self.widths, len(chunk))))
        self._unconditional.read([width for width in self.widths if width <= widest])
        decoding = [
            (slot, request)
            for slot, request in self._running.items()
            if not request.unread and self._unconditional.is_read(slot)
        ]
        alone = [(slot, request) for slot, request in decoding if slot not in self._unconditional]
        for chunk in _chunks(alone, widest):
            self._decode(chunk, paired=False)
        pairs = [(slot, request) for slot, request in decoding if slot in self._unconditional]
        for chunk in _chunks(pairs, self.widest_pairs or 1):
            self._decode(chunk, paired=True)
        decoded = list(dict.fromkeys(self._owners[slot] for slot, _ in decoding))
        for request in decoded:
            request.conclude()
        self._release()
        return decoded

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

    def warm_pairs(self, width: int) -> None:
        """Compile the program for `width` replies with a second row; as `warm`, which does not do it."""
        if width not in self._slots.warm_pairs:
            self._slots.decode_pairs(self._pair_batch([], width))
            self._slots.warm_pairs.add(width)

    @property
    def widest_warm_pairs(self) -> int:
        """The widest program for pairs that is compiled, and all narrower ones too; 0 if none is."""
        cold = (number for number, width in enumerate(self.widths) if width not in self._slots.warm_pairs)
        return [0, *self.widths][next(cold, len(self.widths))]

    def _release(self) -> None:
        """Free the slots of replies that have ended, and give them to those that wait."""
        for slot, request in list(self._running.items()):
            if request.finished or self._owners[slot].finished:
                del self._running[slot], self._prompts[slot], self._owners[slot], self._states[slot]
                self._sources.pop(slot, None)
                self._unconditional.close(slot)
                self._free.append(slot)
        self._seat()
        for request in [request for request in self._requests if request.finished]:
            self._requests.remove(request)

    def _seat(self) -> None:
        while self._waiting and self._free:
            request, owner = self._waiting.popleft()
            if owner.finished:
                continue
            slot = self._free.pop()
            self._running[slot], self._owners[slot] = request, owner
            self._begin(slot, request)

    def _begin(self, slot: int, request: ReplyRequest) -> None:
        """Have the request's prompt, and what there is of its reply, read into its slot, but for what is cached."""
        self._prompts[slot], reply = request.unread, [*request.reply_prefix, *request.generated]
        begun = np.array([reply], np.int32)
        self._states |= {slot: int(states_after(self._spelling, np.array([WHOLE]), begun)[0])}
        cached, source = self._prefixes.find(request.unread[: len(request.unread) - request.unread_reply_tokens])
        if cached:  # its first chunk is read in the next round, before the source row can be given to another prefix
            self._sources[slot] = source
            request.unread = request.unread[cached:]
        if request.is_paired(guidable=self.snapshot.guidable):
            self._unconditional.open(slot, reply)

    def _decode(self, chunk: SlotRequests, *, paired: bool) -> None:
        """Decode one chunk of each of these replies, by the program for `paired` ones or the other."""
        observed = observe.observed_requests(self._slots, chunk)
        width, terms = smallest_fitting(self.widths, len(chunk)), None
        if paired:
            tokens, terms = self._slots.decode_pairs(self._pair_batch(chunk, width))
        else:
            tokens = self._slots.decode(self._decode_batch(chunk, width))
        tokens = tokens[: len(chunk)]
        num_accepted = [request.accept(row) for (_, request), row in zip(chunk, tokens.tolist(), strict=True)]
        for requests in observed:
            observe.report_logprobs(self._slots, requests, tokens, num_accepted)
        slots = [slot for slot, _ in chunk]
        states = states_after(self._spelling, np.array([self._states[slot] for slot in slots]), tokens)
        self._states |= zip(slots, states.tolist(), strict=True)
        for row, (slot, request) in enumerate(chunk):
            if terms is not None and request.scored:
                request.add_log_likelihoods(token_log_likelihoods(terms[row, : num_accepted[row]]))
            if request.fresh:  # it was taken back, and the row's carry is past that
                self._unconditional.close(slot)
                self._begin(slot, request)

    def _prefill_batch(self, requests: SlotRequests, width: int) -> PrefillBatch:
        batch = self._slots.padding_batch(width)
        for row, (slot, request) in enumerate(requests):
            source = self._sources.pop(slot, None)
            batch.rows_B[row], batch.sources_B[row] = slot, slot if source is None else source
            batch.fresh_B[row], batch.first_B[row] = request.fresh and source is None, request.fresh
            reply_tokens = request.unread_reply_tokens
            chunk = request.take_unread(len(request.unread) % PREFILL_STEPS or PREFILL_STEPS)
            batch.is_reply_BxT[row, PREFILL_STEPS - (reply_tokens - request.unread_reply_tokens) :] = True
            conversation_read = not request.unread and not request.reply_tokens
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
        lengths = [request.reply_tokens for request in requests]
        refused_BxV = np.zeros((width, self.snapshot.tokenizer.vocab_size), bool)
        for row, request in enumerate(requests):
            refused_BxV[row, request.refused] = True
        return DecodeBatch(
            rows_B=np.asarray(rows, np.int32),
            tokens_B=np.asarray([request.last for request in requests], np.int32),
            seeds_B=np.asarray([request.draw_seed % 2**32 for request in requests], np.uint32),
            counts_B=np.asarray(lengths, np.int32),
            states_B=np.asarray([self._states[slot] for slot, _ in slot_requests] + [WHOLE] * padding, np.int8),
            refused_BxV=refused_BxV,
            params=SamplingArrays(
                temperature=np.asarray([one.temperature for one in params], np.float32),
                top_k=np.asarray([one.top_k for one in params], np.int32),
                top_p=np.asarray([one.top_p for one in params], np.float32),
                min_p=np.asarray([one.min_p for one in params], np.float32),
                word_min_p=np.asarray([one.word_min_p for one in params], np.float32),
                repetition_penalty=np.asarray([one.repetition_penalty for one in params], np.float32),
            ),
        )

    def _pair_batch(self, slot_requests: SlotRequests, width: int) -> PairBatch:
        rows_B, sources_B = self._unconditional.decoding([slot for slot, _ in slot_requests], width)
        guidance_B, scored_B = np.zeros(width, np.float32), np.zeros(width, bool)
        for row, (_, request) in enumerate(slot_requests):
            guidance_B[row] = request.params.guidance if self.snapshot.guidable else 0.0
            scored_B[row] = request.scored
        return PairBatch(self._decode_batch(slot_requests, width), rows_B, sources_B, guidance_B, scored_B)


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
