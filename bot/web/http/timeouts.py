"""Timeouts for slow clients: uvicorn's protocol with a timer on every head and body.

uvicorn itself waits forever for the first request, for the rest of a head, and for a body; a proxy in front would have
such limits, but dann may stand on a network without one. Tests hold the parts of uvicorn's protocol that this relies on.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.web.http.refusal import json_response
from bot.web.http.security_headers import SECURITY

BODY_SECONDS = 30.0
"""Time for a whole body, however it trickles."""


def with_timeouts(head_seconds: float) -> type[H11Protocol]:
    """A protocol that drops clients whose request head takes over `head_seconds`."""
    return type("ConfiguredProtocol", (TimeoutProtocol,), {"head_seconds": head_seconds})


class TimeoutProtocol(H11Protocol):
    """One connection."""

    head_seconds: float
    _awaited: tuple[str, object] | None = None
    """What the timer runs for, "head" or "body", and the request before it; None: nothing."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first head."""
        super().connection_made(transport)
        self._update_timer()

    def data_received(self, data: bytes) -> None:
        """Start it for a body where the head is complete, and stop it where the body is."""
        super().data_received(data)
        self._update_timer()

    def on_response_complete(self) -> None:
        """Start it for the next head."""
        super().on_response_complete()
        self._update_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop it."""
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words for what it could not parse)
        """Answer bytes that are not HTTP and close.

        Once a response has started, only close: more bytes would be taken for the next response.
        """
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_bad_request())
        self.transport.close()

    def _update_timer(self) -> None:
        if self.transport.is_closing():
            return
        awaited = self._next_awaited()
        if awaited == self._awaited and (self._timer or not awaited):
            return  # a client that sends bit by bit gets no more time
        self._stop_timer()
        self._awaited = awaited
        if awaited:
            seconds = self.head_seconds if awaited[0] == "head" else BODY_SECONDS
            self._timer = self.loop.call_later(seconds, self._drop)

    def _next_awaited(self) -> tuple[str, object] | None:
        if self.cycle is None or self.cycle.response_complete:
            return "head", self.cycle
        return ("body", self.cycle) if self.cycle.more_body else None

    def _drop(self) -> None:
        """Close the connection; bytes still to be sent get `head_seconds` more."""
        self._timer = None
        self.transport.close()
        self.loop.call_later(self.head_seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _bad_request() -> bytes:
    body, headers = json_response(400, "That is no HTTP request.", "invalid_request", [(b"connection", b"close")])
    lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in (*headers, *SECURITY))]
    return b"\r\n".join([*lines, b"", body])
