"""The thread that does the work of replies, so that the event loop never waits for it. Knows no event loop.

Between two rounds it looks up: who has given up, who has come, whether there are other weights. What is running goes on to
its end on the weights it began with; when the last of them is done these are let go.

What one reply alone needs is compiled first, and then it is ready: a second thread compiles what a crowd needs meanwhile, and
until that is there a crowd is served in smaller parts, more slowly.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from model.engine.batch import Batch
from model.engine.logprobs import TokenLogprobs
from model.engine.request import Completion, ReplyRequest

LOG = logging.getLogger("dann.engine")


@dataclass(frozen=True, slots=True)
class RequestUpdate:
    """What has come of a request in a round: more text, what was thought, and its completion or an error if it has ended."""

    request: ReplyRequest
    piece: str = ""
    completion: Completion | None = None
    logprobs: Sequence[TokenLogprobs] = ()
    error: BaseException | None = None


class Worker:
    """A thread, the requests that wait for it, and the batches it works on.

    `tell` is called in the thread with what is new.
    """

    def __init__(self, batch: Batch, tell: Callable[[Sequence[RequestUpdate]], None]) -> None:
        self._batches, self._tell = [batch], tell
        self._waiting: deque[ReplyRequest] = deque()
        self._newer: deque[Batch] = deque()
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
    def waiting(self) -> int:
        """How many have no place yet."""
        return len(self._waiting)

    @property
    def busy(self) -> int:
        """How many have one."""
        return sum(len(batch) for batch in self._batches)

    def add(self, request: ReplyRequest) -> None:
        """Let one more wait."""
        self._waiting.append(request)
        if not self._changed.is_set():
            self._changed.set()

    def replace(self, batch: Batch) -> None:
        """Give whoever has no place yet a place in this batch."""
        self._newer.append(batch)
        self._changed.set()

    def close(self) -> None:
        """Stop after this round. Whoever is not done never will be."""
        self._closing = True
        self._changed.set()
        self._thread.join()
        if self._compiling.ident:  # it was started
            self._compiling.join()

    def _work(self) -> None:
        try:
            self._batches[-1].warm(self._batches[-1].widest)
        except BaseException as error:  # whoever waits for `ready` is told
            self.ready.set_exception(error)
            self.warmed_up.set_exception(error)
        else:
            self._compiling.start()
            self.ready.set_result(None)
        while self._look_up():
            self._go_on()

    def _go_on(self) -> None:
        """A round of each batch. In a frame of its own: one that waits would keep old weights in memory."""
        for batch in self._batches:
            if news := self._round(batch):
                self._tell(news)

    def _compile(self, batch: Batch) -> None:
        """Compile the wider programs, on a table of their own, and let `batch` use each as soon as it is there."""
        try:
            spare = Batch(batch.snapshot, batch.size)
            for width in spare.widths[1:]:
                spare.warm(width, lambda: self._closing)
                if self._closing:
                    break
                batch.widest = width
        except Exception:  # what there is does, more slowly
            LOG.exception("the engine could not compile all of its programs; crowds are answered in small parts")
        self.warmed_up.set_result(None)

    def _look_up(self) -> bool:
        """Wait until there is something to do, and let in whom there is room for. False: it is time to stop."""
        while not self._closing:
            self._changed.clear()  # first: what changes after the look is not missed
            while self._newer:
                self._batches.append(self._newer.popleft())
            self._batches = [batch for batch in self._batches[:-1] if len(batch)] + self._batches[-1:]
            if self._waiting or self.busy:
                self._admit(self._batches[-1])
                return True
            self._changed.wait()
        return False

    def _admit(self, batch: Batch) -> None:
        while self._waiting and batch.free_slots:
            request = self._waiting.popleft()
            if request.over:
                continue
            try:
                batch.admit(request)
            except Exception as error:  # one conversation that cannot be spelled is no other's concern
                self._tell([RequestUpdate(request, error=error)])

    def _round(self, batch: Batch) -> list[RequestUpdate]:
        try:
            return [RequestUpdate(one, one.take_text(), one.completion, one.take_logprobs()) for one in batch.round()]
        except Exception as error:
            LOG.exception("the engine failed; what was being answered is lost, and it goes on with what comes next")
            return [RequestUpdate(request, error=error) for request in batch.reset()]
