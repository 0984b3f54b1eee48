"""The thread that generates replies, so that the event loop never waits for the device. Knows no event loop.

Between two rounds it drops cancelled requests, admits new ones, and takes over a new Batch if there is one. Running requests
are finished on the Batch they began with, which is dropped after the last of them.

The programs for one reply are compiled first, then it is ready: a second thread compiles the wider ones meanwhile, and until
they are there many requests are served in smaller chunks, more slowly.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from model.engine.batch import Batch
from model.engine.request import ReplyRequest, RequestUpdate

LOG = logging.getLogger("dann.engine")


class Worker:
    """A thread, its queue of requests, and its batches. `deliver` gets each round's updates, in the thread."""

    def __init__(self, batch: Batch, deliver: Callable[[Sequence[RequestUpdate]], None]) -> None:
        self._batches, self._deliver = [batch], deliver
        self._waiting: deque[ReplyRequest] = deque()
        self._new_batches: deque[Batch] = deque()
        self._closing = False
        # No lock: the event loop would wait for it, each time for as long as this thread waits for the interpreter's.
        self._changed = threading.Event()
        self.ready: Future[None] = Future()
        self.warmed_up: Future[None] = Future()
        batch.widest = batch.widths[0]
        self._thread = threading.Thread(target=self._work, name="dann engine", daemon=True)
        self._compiling = threading.Thread(target=self._compile, args=[batch], name="dann compiler", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> int:
        """How many requests have a slot."""
        return sum(len(batch) for batch in self._batches)

    def add(self, request: ReplyRequest) -> None:
        """Queue a request."""
        self._waiting.append(request)
        if not self._changed.is_set():
            self._changed.set()

    def replace(self, batch: Batch) -> None:
        """Admit all further requests to this batch."""
        self._new_batches.append(batch)
        self._changed.set()

    def close(self) -> None:
        """Stop after this round; unfinished requests stay unfinished."""
        self._closing = True
        self._changed.set()
        self._thread.join()
        if self._compiling.ident:  # it was started
            self._compiling.join()

    def _work(self) -> None:
        try:
            self._batches[-1].warm(self._batches[-1].widest)
        except BaseException as error:  # raised where `ready` is awaited
            self.ready.set_exception(error)
            self.warmed_up.set_exception(error)
        else:
            self._compiling.start()
            self.ready.set_result(None)
        while self._wait_for_work():
            self._run_rounds()

    def _run_rounds(self) -> None:
        """A round of each batch. In a frame of its own: one that waits would keep old weights in memory."""
        for batch in self._batches:
            if updates := self._round(batch):
                self._deliver(updates)

    def _compile(self, batch: Batch) -> None:
        """Compile the wider programs, on a table of their own, and let `batch` use each as soon as it is compiled."""
        try:
            spare = Batch(batch.snapshot, batch.size)
            for width in spare.widths[1:]:
                spare.warm(width, lambda: self._closing)
                if self._closing:
                    break
                batch.widest = width
        except Exception:  # the narrower programs do, more slowly
            LOG.exception("the engine could not compile all of its programs; more requests are served in small chunks")
        self.warmed_up.set_result(None)

    def _wait_for_work(self) -> bool:
        """Wait for requests and admit as many as fit; False once the worker is closing."""
        while not self._closing:
            self._changed.clear()  # first: a change that comes after the checks below is not missed
            while self._new_batches:
                self._batches.append(self._new_batches.popleft())
            self._batches = [batch for batch in self._batches[:-1] if len(batch)] + self._batches[-1:]
            if self._waiting or self.busy:
                self._admit(self._batches[-1])
                return True
            self._changed.wait()
        return False

    def _admit(self, batch: Batch) -> None:
        while self._waiting and batch.free_slots:
            request = self._waiting.popleft()
            if request.finished:
                continue
            try:
                batch.admit(request)
            except Exception as error:  # a conversation that cannot be encoded fails alone
                self._deliver([RequestUpdate(request, error=error)])

    def _round(self, batch: Batch) -> list[RequestUpdate]:
        try:
            return [request.take_update() for request in batch.round()]
        except Exception as error:
            LOG.exception("the engine failed; the replies in progress are lost, and it goes on with the next requests")
            return [RequestUpdate(request, error=error) for request in batch.reset()]
