"""Conversations in, replies out, many at once, from one Snapshot. Knows no platform, no posts and no files.

`reply` and `replies` work where they are called, for the terminal and for training. `submit` is for the event loop: once
started, a thread does the work and whoever asked gets the reply as a Stream. Both draw the same: a reply depends on
(checkpoint, conversation, SamplingParams, seed) alone, bit for bit the same alone and in a crowd. (On one kind of processor:
another kind, or another XLA, may add in another order, and then once in a great while draw another token.)
"""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.batch import Batch
from model.engine.prompt import PROMPT_TOKENS, Turn, prompt_tokens
from model.engine.request import Completion, ContinuationRequest, ReplyRequest
from model.engine.stream import ReplyStream
from model.engine.worker import RequestUpdate, Worker
from model.errors import DannError

__all__ = ["PROMPT_TOKENS", "Completion", "Engine", "EngineClosed", "EngineFull", "Load", "Turn", "prompt_tokens"]

SLOTS, WAITING = 64, 256


class EngineFull(DannError):  # noqa: N818 (a state one expects, not a fault)
    """As many replies are under way, and wait, as may; this one was not taken."""


class EngineClosed(DannError):  # noqa: N818
    """The engine has stopped, or was never started."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many replies are being drawn, of how many at most, and how many wait for a place."""

    busy: int
    slots: int
    waiting: int


class Engine:
    """Answers from one Snapshot, `slots` replies at once. `waiting` more may be asked for before it is full."""

    def __init__(self, snapshot: Snapshot, slots: int = SLOTS, waiting: int = WAITING) -> None:
        self.snapshot = snapshot
        self._slots, self._most = slots, slots + waiting
        self._own: Batch | None = None
        self._owned = threading.Lock()
        self._worker: Worker | None = None
        self._closed = False
        self._streams: dict[ReplyRequest, ReplyStream] = {}
        self.tokens_generated = 0
        """How many tokens the replies had that were submitted and are over, those that were given up too."""

    def reply(self, conversation: Sequence[Turn], params: SamplingParams, seed: int) -> Completion:
        """The persona's next turn, drawn now. Never empty, never more than `params.max_tokens` tokens."""
        return self.replies([(conversation, params, seed)])[0]

    def replies(self, asked: Iterable[tuple[Sequence[Turn], SamplingParams, int]]) -> list[Completion]:
        """`reply` for many at once, which is much faster than one by one; in the order asked."""
        return self._finished([ReplyRequest(*one) for one in asked])

    def tokens(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> list[int]:
        """Exactly `params.max_tokens` tokens after `prompt`, which has at least one; special ones end nothing."""
        request = ContinuationRequest(prompt, params, seed)
        self._finished([request])
        return request.generated

    def _finished(self, requests: Sequence[ReplyRequest]) -> list[Completion]:
        with self._owned:
            if self._own is None or self._own.snapshot is not self.snapshot:
                self._own = Batch(self.snapshot, self._slots)
            batch, coming = self._own, list(reversed(requests))
            try:
                while coming or len(batch):
                    while coming and batch.free_slots:
                        batch.admit(coming.pop())
                    batch.round()
            except BaseException:
                batch.reset()
                raise
        return [request.completion for request in requests if request.completion]

    def start(self, batch: Batch | None = None) -> None:
        """Begin to answer what is submitted on the running event loop. Compiling comes first; see `ready` and `complete`.

        `batch` is one of this snapshot and as many slots, made in a thread by who cannot let the loop wait for it.
        """
        if self._worker is not None:
            raise EngineClosed("an engine is started once")
        loop = asyncio.get_running_loop()

        def tell(news: Sequence[RequestUpdate]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._deliver, news)

        self._worker = Worker(batch or Batch(self.snapshot, self._slots), tell)

    async def ready(self) -> None:
        """Wait until what one reply needs is compiled; raises what went wrong with that."""
        await asyncio.shield(asyncio.wrap_future(self._started().ready))

    async def warmed_up(self) -> None:
        """Wait until what a crowd needs is compiled too, which goes on while replies are drawn."""
        await asyncio.shield(asyncio.wrap_future(self._started().warmed_up))

    def submit(
        self,
        conversation: Sequence[Turn],
        params: SamplingParams,
        seed: int,
        *,
        reply_prefix: str | Sequence[int] = "",
        stop: Sequence[str] = (),
        logprobs: bool = False,
    ) -> ReplyStream:
        """Ask for the persona's next turn (request.py has the rest). Raises EngineFull, or EngineClosed, at once.

        Touches no device: what cannot be answered is told by the stream.
        """
        worker = self._started()
        if self.full:
            raise EngineFull(f"{self._most} replies are under way or wait; more are not taken")
        request = ReplyRequest(conversation, params, seed, reply_prefix=reply_prefix, stop=stop, logprobs=logprobs)
        stream = self._streams[request] = ReplyStream(request, self._forget)
        worker.add(request)
        return stream

    async def swap(self, snapshot: Snapshot) -> None:
        """Answer from this snapshot from now on, whatever its shape; what is being drawn ends on the old one.

        Returns when the new one is compiled and in place; until then the old one goes on answering. One of the same shape
        needs no compiling.
        """
        self._started()
        batch = await asyncio.to_thread(self._warmed, snapshot)
        self._started().replace(batch)
        self.snapshot, self._own = snapshot, None

    def _warmed(self, snapshot: Snapshot) -> Batch:
        """In a thread: also making a batch takes long enough for the event loop to notice."""
        batch = Batch(snapshot, self._slots)
        for width in batch.widths:
            if not self._closed:
                batch.warm(width)
        return batch

    @property
    def full(self) -> bool:
        """Whether one more would be refused."""
        return len(self._streams) >= self._most

    @property
    def load(self) -> Load:
        """How busy it is. `waiting` is what was asked for less what has a place."""
        busy = self._worker.busy if self._worker else 0
        return Load(busy, self._slots, max(len(self._streams) - busy, 0))

    async def close(self) -> None:
        """Stop, when the steps that are being drawn are. Replies that are not complete fail with EngineClosed."""
        if self._worker is None:
            return
        self._closed = True
        await asyncio.to_thread(self._worker.close)
        for stream in list(self._streams.values()):
            stream.fail(EngineClosed("the engine was stopped before this reply was complete"))

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _started(self) -> Worker:
        if self._worker is None or self._closed:
            raise EngineClosed("the engine is not running")
        return self._worker

    def _forget(self, request: ReplyRequest) -> None:
        self._streams.pop(request, None)
        self.tokens_generated += len(request.generated)

    def _deliver(self, news: Sequence[RequestUpdate]) -> None:
        for one in news:
            stream = self._streams.get(one.request)
            if stream is None:  # given up
                continue
            if one.error is not None:
                stream.fail(one.error)
            else:
                stream.feed(one.piece, one.completion, one.logprobs)
