"""Conversations in, replies out, many at once, from one Snapshot. Knows no platform, no posts and no files.

`reply` and `replies` run in the caller's thread, for the terminal and for training. `submit` is for the event loop: once
started, a thread generates and the caller gets a ReplyStream. Both give the same: a reply depends on (checkpoint with its
index of what is guarded, conversation, SamplingParams, seed) alone, bit for bit the same alone and in a batch, whatever the
others ask for. (On one kind of processor: another kind, or another XLA, may add in another order, and then once in a great
while sample another token.)
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, cast
from weakref import WeakSet

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.batch import Batch
from model.engine.candidates import reply_request
from model.engine.completion import Completion
from model.engine.continuation import ContinuationRequest
from model.engine.prompt import PROMPT_TOKENS, Turn, prompt_tokens
from model.engine.request import ReplyRequest, RequestUpdate
from model.engine.stream import CheckpointWithdrawn, ReplyStream
from model.engine.worker import Worker
from model.errors import DannError

__all__ = [
    "PROMPT_TOKENS",
    "CheckpointWithdrawn",
    "Completion",
    "Engine",
    "EngineClosed",
    "EngineFull",
    "Load",
    "Turn",
    "prompt_tokens",
]

DEFAULT_SLOTS, DEFAULT_WAITING = 64, 256


class EngineFull(DannError):  # noqa: N818 (a state one expects, not a fault)
    """The slots and the queue are full, so this request was not taken."""


class EngineClosed(DannError):  # noqa: N818
    """The engine has stopped, or was never started."""


class _Nothing:
    """The network and the tokenizer of no checkpoint."""

    def __getattr__(self, _name: str) -> Any:
        raise CheckpointWithdrawn("no checkpoint serves")


NO_SNAPSHOT = Snapshot("", cast("Any", _Nothing()), cast("Any", _Nothing()))
"""What an engine has whose checkpoint was withdrawn, until another serves: its id is ""."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many replies are being generated, candidates too, of how many at most, and how many requests wait for a slot."""

    busy: int
    slots: int
    waiting: int


class Engine:
    """Replies from one Snapshot, `slots` at once; `waiting` more requests are queued before it is full.

    A network with a large carry draws fewer at once (table_rows.py).

    What guidance and candidates need is compiled before it is ready where the `usual` parameters have them; else when they
    are first asked for, beside the replies in progress, and whoever asked first waits for it. `refusals`
    counts what the guard refused, by the way out that a reply was requested for and by kind; several engines may share it.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        slots: int = DEFAULT_SLOTS,
        waiting: int = DEFAULT_WAITING,
        *,
        usual: SamplingParams | None = None,
        refusals: Counter[tuple[str, str]] | None = None,
    ) -> None:
        self.snapshot, self._usual = snapshot, usual
        self.refusals: Counter[tuple[str, str]] = Counter() if refusals is None else refusals
        self._slots, self._capacity = slots, slots + waiting
        self._local_batch: Batch | None = None
        self._local_lock = threading.Lock()
        self._worker: Worker | None = None
        self._closed = False
        self._streams: dict[ReplyRequest, ReplyStream] = {}
        self._complete: WeakSet[ReplyStream] = WeakSet()
        self._withdrawn: frozenset[str] = frozenset()
        self.tokens_generated = 0
        """Tokens of the submitted replies that have ended, cancelled ones too."""

    def reply(self, conversation: Sequence[Turn], params: SamplingParams, seed: int) -> Completion:
        """Generate the persona's next turn now. Never empty, never more than `params.max_tokens` tokens."""
        return self.replies([(conversation, params, seed)])[0]

    def replies(self, requests: Iterable[tuple[Sequence[Turn], SamplingParams, int]]) -> list[Completion]:
        """`reply` for many at once, much faster than one by one; in the order of `requests`."""
        return self._run([reply_request(*request) for request in requests])

    def continuations(self, requests: Iterable[tuple[Sequence[Turn], str, SamplingParams, int]]) -> list[Completion]:
        """`replies` that are begun: the second of each request is the reply's beginning, which is not in its text."""
        return self._run(
            [reply_request(turns, params, seed, reply_prefix=begun) for turns, begun, params, seed in requests]
        )

    def tokens(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> list[int]:
        """Generate exactly `params.max_tokens` tokens after `prompt`, which has at least one; special ones end nothing."""
        request = ContinuationRequest(prompt, params, seed)
        self._run([request])
        return request.generated

    def _run(self, requests: Sequence[ReplyRequest]) -> list[Completion]:
        with self._local_lock:
            if self._local_batch is None or self._local_batch.snapshot is not self.snapshot:
                self._local_batch = Batch(self.snapshot, self._slots)
            batch, queue = self._local_batch, list(reversed(requests))
            try:
                while queue or len(batch):
                    while queue and batch.free_slots:
                        batch.admit(queue.pop())
                    batch.round()
            except BaseException:
                batch.reset()
                raise
        return [request.completion for request in requests if request.completion]

    def start(self, batch: Batch | None = None) -> None:
        """Start the thread for `submit` on the running event loop. Compiling comes first; see `ready` and `warmed_up`.

        `batch` has this snapshot and as many slots; a caller that must not block the loop makes it in a thread.
        """
        if self._worker is not None:
            raise EngineClosed("an engine is started once")
        loop = asyncio.get_running_loop()

        def deliver(updates: Sequence[RequestUpdate]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._deliver, updates)

        self._worker = Worker(
            batch or Batch(self.snapshot, self._slots), deliver, pairs=self._usually_pairs(self.snapshot)
        )

    async def ready(self) -> None:
        """Wait until the programs for one reply are compiled; raises what went wrong with that."""
        await asyncio.shield(asyncio.wrap_future(self._started().ready))

    async def warmed_up(self) -> None:
        """Wait until the programs for many replies at once are compiled too; replies are generated meanwhile."""
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
        withhold: int = 0,
        way: str = "",
    ) -> ReplyStream:
        """Request the persona's next turn; see ReplyRequest for the options. Raises EngineFull or EngineClosed at once.

        Of several candidates the best arrives as one piece, when all are complete. Touches no device: a request that cannot
        be served fails through its stream.
        """
        worker = self._started()
        if self.snapshot is NO_SNAPSHOT:
            raise CheckpointWithdrawn("no checkpoint serves")
        if self.full:
            raise EngineFull(f"{self._capacity} replies are in progress or waiting; more are not taken")
        more = {"reply_prefix": reply_prefix, "stop": stop, "logprobs": logprobs, "withhold": withhold, "way": way}
        request = reply_request(conversation, params, seed, **more)
        stream = self._streams[request] = ReplyStream(request, self._forget)
        worker.add(request)
        return stream

    async def swap(self, snapshot: Snapshot) -> None:
        """Serve this snapshot from now on, whatever its shape; replies in progress are finished on the old one.

        Returns when the new one is compiled and in place; until then the old one serves. The same shape needs no compiling.
        """
        self._started()
        batch = await asyncio.to_thread(self._warm_batch, snapshot)
        if snapshot.id in self._withdrawn:
            raise CheckpointWithdrawn(f"{snapshot.id} was withdrawn meanwhile")
        self._started().replace(batch)
        self.snapshot, self._local_batch = snapshot, None

    def withdraw(self, checkpoints: Collection[str]) -> None:
        """End every reply that one of these checkpoints draws, with CheckpointWithdrawn, and never serve one again.

        Where the present one is among them, its weights are let go, and nothing serves until `swap`.
        """
        self._withdrawn |= frozenset(checkpoints)
        if present := self.snapshot.id in self._withdrawn:
            self.snapshot, self._local_batch = NO_SNAPSHOT, None
        if self._worker is not None:
            self._worker.drop(self._withdrawn)
        for stream in (*self._streams.values(), *self._complete):
            if stream.checkpoint in self._withdrawn or (present and not stream.checkpoint):
                stream.withdraw()

    def _warm_batch(self, snapshot: Snapshot) -> Batch:
        """Make and compile a Batch, in a thread: both take long enough to hold up the event loop."""
        batch = Batch(snapshot, self._slots)
        for width in batch.widths:
            if not self._closed:
                batch.warm(width)
                if self._started().compiles_pairs or self._usually_pairs(snapshot):
                    batch.warm_pairs(width)
        return batch

    def _usually_pairs(self, snapshot: Snapshot) -> bool:
        usual = self._usual
        return usual is not None and (usual.is_chosen or (usual.guidance > 0 and snapshot.guidable))

    @property
    def full(self) -> bool:
        """Whether another request would be refused."""
        return len(self._streams) >= self._capacity

    @property
    def capacity(self) -> int:
        """How many requests it takes at once, those that wait too."""
        return self._capacity

    @property
    def free(self) -> int:
        """How many more requests it would take now."""
        return max(0, self._capacity - len(self._streams))

    @property
    def load(self) -> Load:
        """How busy the engine is; `waiting` counts the requests without a slot."""
        if (worker := self._worker) is None:
            return Load(0, self._slots, len(self._streams))
        return Load(worker.busy, worker.slots, max(len(self._streams) - worker.admitted, 0))

    async def close(self) -> None:
        """Stop after the present round. Replies that are not complete fail with EngineClosed."""
        if self._worker is None:
            return
        self._closed = True
        await asyncio.to_thread(self._worker.close)
        for stream in list(self._streams.values()):
            stream.fail(EngineClosed("the engine was stopped before this reply was complete"))

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _started(self) -> Worker:
        if self._worker is None or self._closed:
            raise EngineClosed("the engine is not running")
        return self._worker

    def _forget(self, request: ReplyRequest) -> None:
        stream = self._streams.pop(request, None)
        if stream is not None and request.completion is not None:
            self._complete.add(stream)
        self.tokens_generated += request.tokens_generated
        self.refusals.update((request.way, kind) for kind in list(request.refusals))

    def _deliver(self, updates: Sequence[RequestUpdate]) -> None:
        for update in updates:
            stream = self._streams.get(update.request)
            if stream is None:  # cancelled
                continue
            if update.error is not None:
                stream.fail(update.error)
            else:
                stream.feed(update.piece, update.completion, update.logprobs)
