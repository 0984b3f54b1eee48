"""The thread that generates replies, so that the event loop never waits for the device. Knows no event loop.

Between two rounds it drops cancelled requests, admits new ones, and takes over a new Batch if there is one. Running requests
are finished on the Batch they began with, which is dropped after the last of them.

The programs for one reply are compiled first, then it is ready: a second thread compiles the wider ones meanwhile, and until
they are there many requests are served in smaller chunks, more slowly. Programs for replies with a second row are compiled
when the first such request comes, which is held until then; nobody else waits for that.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future

from model.engine.batch import Batch
from model.engine.request import ReplyRequest, RequestUpdate

LOG = logging.getLogger("dann.engine")


class Worker:
    """A thread, its queue of requests, and its batches. `deliver` gets each round's updates, in the thread.

    `compiles_pairs`: whether replies with a second row have been asked for, as with `pairs` from the start. `slots`: how many
    replies the newest batch draws at once.
    """

    def __init__(
        self, batch: Batch, deliver: Callable[[Sequence[RequestUpdate]], None], *, pairs: bool = False
    ) -> None:
        self._batches, self._deliver, self.compiles_pairs = [batch], deliver, pairs
        self._take_on(batch)
        self._waiting: deque[ReplyRequest] = deque()
        self._held: list[ReplyRequest] = []
        self._pair_compiler: threading.Thread | None = None
        self._pair_error: Exception | None = None
        self._new_batches: deque[Batch] = deque()
        self._withdrawn: frozenset[str] = frozenset()
        self._closing = False
        # No lock: the event loop would wait for it, each time for as long as this thread waits for the interpreter's.
        self._changed = threading.Event()
        self.ready: Future[None] = Future()
        self.warmed_up: Future[None] = Future()
        batch.widest, batch.widest_pairs = batch.widths[0], batch.widest_warm_pairs
        self._thread = threading.Thread(target=self._work, name="dann engine", daemon=True)
        self._compiling = threading.Thread(target=self._compile, args=[batch], name="dann compiler", daemon=True)
        self._thread.start()

    def _take_on(self, batch: Batch) -> None:
        """Count this batch's slots from now on, and say where its network's carry leaves room for fewer."""
        self.slots = batch.size
        if batch.table_size.note:
            LOG.info("%s: %s", batch.snapshot.id, batch.table_size.note)

    @property
    def busy(self) -> int:
        """How many slots are in use."""
        return sum(batch.size - batch.free_slots for batch in self._batches)

    @property
    def admitted(self) -> int:
        """How many requests are being replied to."""
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

    def drop(self, checkpoints: Collection[str]) -> None:
        """Drop the batches of these checkpoints after this round, and never take one up again."""
        self._withdrawn |= frozenset(checkpoints)
        self._changed.set()

    def close(self) -> None:
        """Stop after this round; unfinished requests stay unfinished."""
        self._closing = True
        self._changed.set()
        self._thread.join()
        if self._compiling.ident:  # it was started
            self._compiling.join()
        if compiler := self._pair_compiler:
            compiler.join()

    def _work(self) -> None:
        try:
            batch = self._batches[-1]
            batch.warm(batch.widest)
            if self.compiles_pairs:
                batch.warm_pairs(batch.widths[0])
                batch.widest_pairs = batch.widths[0]
            del batch  # it may be replaced: this frame lasts as long as the thread
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
            if self.compiles_pairs and not self._closing:
                self._compile_pairs(spare, batch)
        except Exception:  # the narrower programs do, more slowly
            LOG.exception("the engine could not compile all of its programs; more requests are served in small chunks")
        self.warmed_up.set_result(None)

    def _compile_pairs(self, spare: Batch, batch: Batch) -> None:
        """Compile the programs for replies with a second row, and let `batch` use each as soon as it is compiled."""
        for width in spare.widths:
            if self._closing:
                break
            spare.warm_pairs(width)
            batch.widest_pairs = width
            self._changed.set()

    def _compile_asked_pairs(self, batch: Batch) -> None:
        """The same, because somebody asked."""
        try:
            self._compile_pairs(Batch(batch.snapshot, batch.size), batch)
        except Exception as error:
            LOG.exception("the engine could not compile all of its programs for guidance and candidates")
            self._pair_error = error
        finally:
            self._pair_compiler = None
            self._changed.set()

    def _take_up_held(self, batch: Batch) -> None:
        """Queue the held requests again once they can be served, or fail them; compile what they need if nobody does."""
        if self._held and batch.widest_pairs:
            self._waiting.extendleft(reversed(self._held))
            self._held.clear()
        elif self._held and (error := self._pair_error):
            self._deliver([RequestUpdate(request, error=error) for request in self._held])
            self._held.clear()
            self._pair_error = None
        elif self._held and self._pair_compiler is None:
            self._pair_compiler = threading.Thread(
                target=self._compile_asked_pairs, args=[batch], name="dann pair compiler", daemon=True
            )
            self._pair_compiler.start()

    def _wait_for_work(self) -> bool:
        """Wait for requests and admit as many as fit; False once the worker is closing."""
        while not self._closing:
            self._changed.clear()  # first: a change that comes after the checks below is not missed
            while self._new_batches:
                batch = self._new_batches.popleft()
                batch.widest_pairs = batch.widest_warm_pairs
                self._batches.append(batch)
                self._take_on(batch)
                del batch
            self._batches = [batch for batch in self._batches[:-1] if len(batch)] + self._batches[-1:]
            self._batches = [batch for batch in self._batches if batch.snapshot.id not in self._withdrawn]
            if not self._batches:
                self._waiting.clear()  # they have failed already
                self._held.clear()
                self._changed.wait()
                continue
            self._take_up_held(self._batches[-1])
            if self._waiting or self.admitted:
                self._admit(self._batches[-1])
                return True
            self._changed.wait()
        return False

    def _admit(self, batch: Batch) -> None:
        while self._waiting and batch.free_slots:
            request = self._waiting.popleft()
            if request.finished:
                continue
            self.compiles_pairs |= (paired := request.is_paired(guidable=batch.snapshot.guidable))
            if paired and not batch.widest_pairs:
                self._held.append(request)
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
