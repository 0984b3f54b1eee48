"""Answers that come piece by piece, and work that ends when whoever asked has gone. Knows nothing of what is answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The second: a proxy (nginx) is not to wait for more."""


class ClientDisconnectedError(Exception):
    """Nobody waits for the answer any more."""


class EventStream(Response):
    """Server-sent events, each handed on at once.

    When they end, or the client has gone, the iterator is closed and `ended` is called; also where it was never begun.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], object], status_code: int = 200) -> None:
        super().__init__(status_code=status_code, headers=HEADERS)
        del self.headers["content-length"]  # which Response had of an empty body
        self._events, self._ended = events, ended

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            with suppress(ClientDisconnectedError):
                await until_disconnected(receive, self._write(send))
        finally:
            self._ended()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:  # type: ignore[type-var]
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def until_disconnected(receive: Receive, work: Awaitable[T]) -> T:
    """What comes of `work`, which is cancelled where the client goes meanwhile. Raises ClientGoneError then.

    `receive` is ASGI's, of a request whose body has been read.
    """
    working, going = asyncio.ensure_future(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({working, going}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnectedError
    finally:
        for task in (working, going):
            task.cancel()
        await asyncio.gather(working, going, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
