"""One reply as it comes, for whoever waits for it on the event loop. Knows no network; nothing here blocks."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from model.engine.logprobs import TokenLogprobs
from model.engine.request import Completion, ReplyRequest
from model.errors import DannError
from model.tokenizer import Tokenizer


class ReplyCancelled(DannError):  # noqa: N818 (somebody wanted it so)
    """The reply was cancelled, so that there is no completion."""


class ReplyStream:
    """Pieces of one reply: `async for piece in stream`, then `await stream.completion()`; either will do without the other.

    The pieces are whole characters and join to the completion's text. Belongs to the event loop that asked. A task that is
    cancelled while it waits here gives the reply up.
    """

    def __init__(self, request: ReplyRequest, ended: Callable[[ReplyRequest], object]) -> None:
        self._request, self._ended = request, ended
        self._pieces: deque[str] = deque()
        self._thoughts: list[TokenLogprobs] = []
        self._news = asyncio.Event()
        self._completion: Completion | None = None
        self._error: BaseException | None = None

    def cancel(self) -> None:
        """Give the reply up, unless it is complete: its place is free before more is drawn, and nothing more is read."""
        if self._completion is None:
            self._pieces.clear()
            self._thoughts.clear()
        self.fail(ReplyCancelled("the reply was given up"))
        self._request.given_up = True

    @property
    def tokenizer(self) -> Tokenizer:
        """That of what draws it: there from the first piece on."""
        return self._request.tokenizer

    @property
    def checkpoint(self) -> str:
        """The id of what draws it: there from the first piece on, "" before."""
        return self._request.checkpoint

    async def completion(self) -> Completion:
        """Wait for the whole reply. Raises what went wrong: ReplyGivenUp if it was cancelled."""
        while self._completion is None:
            if self._error is not None:
                raise self._error
            await self._wait()
        return self._completion

    def take_logprobs(self) -> list[TokenLogprobs]:
        """What the network thought at the tokens that have come since this was last asked; only of who asked to watch."""
        new, self._thoughts = self._thoughts, []
        return new

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

    def feed(self, piece: str, completion: Completion | None, thoughts: Sequence[TokenLogprobs] = ()) -> None:
        """Take what the engine has made since."""
        if self._error is None:
            self._thoughts += thoughts
            if piece:
                self._pieces.append(piece)
            self._completion = completion
            self._tell(over=completion is not None)

    def fail(self, error: BaseException) -> None:
        """Take why there will be no completion."""
        if self._completion is None and self._error is None:
            self._error = error
            self._tell(over=True)

    def _tell(self, *, over: bool) -> None:
        if over:
            self._ended(self._request)
        self._news.set()

    async def _wait(self) -> None:
        self._news.clear()
        try:
            await self._news.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
