"""Server-sent event streams, and work that is cancelled when the client disconnects.

Not sse-starlette or StreamingResponse: the source of a stream must learn of its end also where the client leaves
before the first event, or a reply would go on being drawn.
Knows no events.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The second keeps a proxy (nginx) from buffering."""
EVENTS = {"text/event-stream": {"schema": {"type": "object", "description": "one object per event"}}}
"""Content of a stream, for the OpenAPI document."""


LINE_ENDS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
"""What ends a line in Unicode, though not in JSON and events, with its escape."""


class ClientDisconnectedError(Exception):
    """The client has disconnected."""


def encode_json(value: object) -> bytes:
    """Encode a value as compact JSON, in one line for clients too that end lines wherever Unicode does."""
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return encoded.translate(LINE_ENDS).encode()


def encode_event(**fields: Any) -> bytes:
    """Encode an event as it is sent."""
    return b"data: " + encode_json(fields) + b"\n\n"


class EventStream(Response):
    """Server-sent events, each sent at once.

    When they end or the client disconnects, the iterator is closed and `ended` is called, also if it never started.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], object], status_code: int = 200) -> None:
        super().__init__(status_code=status_code, headers=HEADERS)
        del self.headers["content-length"]  # Response set it to 0, for an empty body
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
    """The result of `work`; if the client disconnects first, cancel it and raise ClientDisconnectedError.

    `receive` is ASGI's, of a request whose body has been read.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnectedError
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
