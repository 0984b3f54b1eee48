"""How long a connection may keep dann waiting: uvicorn's protocol with a clock on what it waits for.

uvicorn itself waits forever for the first request, for the rest of a head, and for a body.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.web.http.refusal import json_response
from bot.web.http.security_headers import SECURITY

BODY_SECONDS = 30.0
"""How long a body may take, however it trickles."""


def with_timeouts(head_seconds: float) -> type[H11Protocol]:
    """A protocol that drops who has not sent the whole head of a request within so long."""

    class Patient(_Patient):
        patience = head_seconds

    return Patient


class _Patient(H11Protocol):
    """`_awaited` is what the clock runs for: a head or a body, and after which request; None while it is dann's turn."""

    patience: float
    _awaited: tuple[str, object] | None = None
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn tells what it has parsed)
        """What is sent to who does not speak HTTP; nothing where an answer has begun: it would be taken for the next."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_bad_request())
        self.transport.close()

    def _watch(self) -> None:
        if self.transport.is_closing():
            return
        awaited = self._waits_for()
        if awaited == self._awaited and (self._clock or not awaited):
            return  # what comes bit by bit gets no more time
        self._stop()
        self._awaited = awaited
        if awaited:
            seconds = self.patience if awaited[0] == "head" else BODY_SECONDS
            self._clock = self.loop.call_later(seconds, self._drop)

    def _waits_for(self) -> tuple[str, object] | None:
        if self.cycle is None or self.cycle.response_complete:
            return "head", self.cycle
        return ("body", self.cycle) if self.cycle.more_body else None

    def _drop(self) -> None:
        """Close it; what is still to be sent may take as long again."""
        self._clock = None
        self.transport.close()
        self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None


def _bad_request() -> bytes:
    body, headers = json_response(400, "That is no HTTP request.", "invalid_request", [(b"connection", b"close")])
    lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in (*headers, *SECURITY))]
    return b"\r\n".join([*lines, b"", body])
