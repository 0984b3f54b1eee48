"""Limit on the length of a request body, which is read whole before a route sees it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.http.refusal import refuse

DIGITS = 20
"""Most digits of a Content-Length that is taken seriously."""


class BodyLimit:
    """Refuse bodies over `longest` bytes with 413; pass the others on to `app`, whole."""

    def __init__(self, app: ASGIApp, longest: int) -> None:
        self._app = app
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        lengths = {value.strip() for name, value in scope["headers"] if name == b"content-length"}
        if len(lengths) > 1 or not all(value.isdigit() and len(value) <= DIGITS for value in lengths):
            await refuse(send, 400, "Content-Length is not right.", "invalid_length")
            return
        if any(int(value) > self._longest for value in lengths):
            await self._refuse(send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._longest:
                await self._refuse(send)
                return
        await self._app(scope, _received(bytes(body), receive), send)

    async def _refuse(self, send: Send) -> None:
        await refuse(send, 413, f"The request is longer than {self._longest} bytes.", "request_too_large")


def _received(body: bytes, receive: Receive) -> Receive:
    """An ASGI `receive` that gives the whole body first, and then the client's disconnect."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again
