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
        length = max(map(int, lengths), default=0)
        body, more = bytearray(), True
        while more and length <= self._longest:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            length = max(length, len(body))
        if length > self._longest:
            await refuse(send, 413, f"The request is longer than {self._longest} bytes.", "request_too_large")
        else:
            await self._app(scope, _received(bytes(body), receive), send)


def _received(body: bytes, receive: Receive) -> Receive:
    """An ASGI `receive` that gives the whole body first, and then the client's disconnect."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again
