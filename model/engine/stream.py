"""One reply as a stream of text for the event loop. Knows no network; nothing here blocks."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from model.engine.completion import Completion
from model.engine.logprobs import TokenLogprobs
from model.engine.request import ReplyRequest
from model.errors import DannError
from model.tokenizer import Tokenizer

FEW = 16
"""Tokens whose alternatives are looked up in a few milliseconds, on the event loop; more come where nothing is streamed."""


class ReplyCancelled(DannError):  # noqa: N818 (somebody wanted it so)
    """The reply was cancelled, so there is no completion."""


class CheckpointWithdrawn(DannError):  # noqa: N818 (somebody wanted it so)
    """The checkpoint learned what was forgotten since: it gives no reply any more."""


class ReplyStream:
    """Pieces of one reply: `async for piece in stream`, then `await stream.completion()`; either works without the other.

    The pieces are whole characters and join to the completion's text. Belongs to the event loop it was made on. A task that
    is cancelled while it waits here cancels the reply.
    """

    def __init__(self, request: ReplyRequest, on_end: Callable[[ReplyRequest], object]) -> None:
        self._request, self._on_end = request, on_end
        self._pieces: deque[str] = deque()
        self._logprobs: list[TokenLogprobs] = []
        self._changed = asyncio.Event()
        self._completion: Completion | None = None
        self._error: BaseException | None = None

    def cancel(self) -> None:
        """Cancel the reply, unless it is complete: its slot is free before more is generated, and no more pieces come."""
        if self._completion is None:
            self._pieces.clear()
            self._logprobs.clear()
        self.fail(ReplyCancelled("the reply was cancelled"))
        self._request.cancelled = True

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the checkpoint that generates it, from the first piece on."""
        return self._request.tokenizer

    @property
    def checkpoint(self) -> str:
        """The id of the checkpoint that generates it, from the first piece on; "" before."""
        return self._request.checkpoint

    async def completion(self) -> Completion:
        """Wait for the whole reply. Raises what went wrong: ReplyCancelled if it was cancelled."""
        while self._completion is None:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self._completion

    def take_logprobs(self) -> list[TokenLogprobs]:
        """Log-probabilities of the tokens that have come since the last call; empty unless the request asks for them.

        All of them, also those that must not be shown to everybody: `shown_logprobs`.
        """
        new, self._logprobs = self._logprobs, []
        return new

    async def shown_logprobs(self) -> Sequence[TokenLogprobs]:
        """`take_logprobs` without what the request withholds, looked up in a thread where there are many.

        Raises CheckpointWithdrawn where that came about meanwhile: neither these nor a piece taken before may be shown then.
        """
        new = self.take_logprobs()
        if len(new) > FEW:
            shown = await asyncio.to_thread(self._request.withheld, new)
        else:
            shown = self._request.withheld(new)
        self.refuse_withdrawn()
        return shown

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while not self._pieces:
            if self._error is not None and not isinstance(self._error, ReplyCancelled):
                raise self._error
            if self._completion is not None or self._error is not None:
                raise StopAsyncIteration
            await self._wait()
        return self._pieces.popleft()

    def feed(self, piece: str, completion: Completion | None, logprobs: Sequence[TokenLogprobs] = ()) -> None:
        """Add what the engine has generated since."""
        if self._error is None:
            self._logprobs += logprobs
            if piece:
                self._pieces.append(piece)
            self._completion = completion
            self._notify(ended=completion is not None)

    def withdraw(self) -> None:
        """End the reply, as its checkpoint gives none any more: what has not been read of it is never read.

        A complete one too: a slow reader may be in the middle of it.
        """
        self._pieces.clear()
        self._logprobs.clear()
        withdrawn = CheckpointWithdrawn("the checkpoint that drew this reply was withdrawn")
        if self._completion is None:
            self.fail(withdrawn)
        else:
            self._completion, self._error = None, withdrawn
            self._notify(ended=False)
        self._request.cancelled = True

    def refuse_withdrawn(self) -> None:
        """Raise CheckpointWithdrawn where nothing of it may be shown any more: before each piece that was kept a while."""
        if isinstance(self._error, CheckpointWithdrawn):
            raise self._error

    def fail(self, error: BaseException) -> None:
        """End the stream with an error, unless it has ended."""
        if self._completion is None and self._error is None:
            self._error = error
            self._notify(ended=True)

    def _notify(self, *, ended: bool) -> None:
        if ended:
            self._on_end(self._request)
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        try:
            await self._changed.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
