"""Answers that come piece by piece, and work that ends when whoever asked has gone. Knows nothing of what is answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing, suppress
from typing import TypeVar

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The second: a proxy (nginx) is not to wait for more."""


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


class EventStream(Response):
    """Server-sent events, each handed on at once. The iterator is closed when it ends, or the client has gone."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], status_code: int = 200) -> None:
        super().__init__(status_code=status_code, headers=HEADERS)
        del self.headers["content-length"]  # which Response had of an empty body
        self._events = events

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        with suppress(ClientGoneError):
            await until_gone(receive, self._write(send))

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:  # type: ignore[type-var]
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def whole(request: Request, work: Awaitable[T]) -> T:
    """What comes of `work`, which is cancelled where the client goes meanwhile. Raises ClientGoneError then."""
    return await until_gone(request.receive, work)


async def until_gone(receive: Receive, work: Awaitable[T]) -> T:
    """The same, by ASGI's `receive`, when the request's body has been read."""
    working, going = asyncio.ensure_future(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({working, going}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGoneError
    finally:
        for task in (working, going):
            task.cancel()
        await asyncio.gather(working, going, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
