"""How much a request may carry. A body is taken in here, so that no route ever holds half of one or too much."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.http.refusal import refuse

DIGITS = 20
"""More in a Content-Length is nonsense, whatever they say."""


class BodyLimit:
    """Refuses with 413 what is longer than `longest` bytes, as soon as that is known; `app` gets the rest, whole."""

    def __init__(self, app: ASGIApp, longest: int) -> None:
        self._app = app
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        lengths = {value.strip() for name, value in scope["headers"] if name == b"content-length"}
        if len(lengths) > 1 or not all(value.isdigit() and len(value) <= DIGITS for value in lengths):
            await refuse(send, 400, "Content-Length is not right.", "invalid_length")
            return
        if any(int(value) > self._longest for value in lengths):
            await self._refuse(send)
            return
        taken = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            taken += message.get("body", b"")
            more = message.get("more_body", False)
            if len(taken) > self._longest:
                await self._refuse(send)
                return
        await self._app(scope, _given(bytes(taken), receive), send)

    async def _refuse(self, send: Send) -> None:
        await refuse(send, 413, f"The request is longer than {self._longest} bytes.", "request_too_large")


def _given(body: bytes, receive: Receive) -> Receive:
    """What gives the body at first, and then what comes: that the client has gone."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return first.pop() if first else await receive()

    return given
