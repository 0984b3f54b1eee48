"""What a thread found out, kept for a while: many who ask wait for one look at the disk or the database.

Knows neither of them.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from bot.process.daemon_thread import run_in_daemon_thread

T = TypeVar("T")

FRESH = {"Cache-Control": "no-store"}
"""Tells browsers, and whatever stands between, to keep nothing."""


class TimedCache(Generic[T]):
    """The newest find. Belongs to the event loop. It serves for `seconds`, and for what it was looked up for alone."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = float("-inf")
        self._key: Hashable = None
        self._found: asyncio.Future[T] | None = None

    async def get(self, key: Hashable, look: Callable[[], T]) -> T:
        """What `look` returns for `key`, or raises; it is called in a thread, and what it raises is not kept."""
        found = self._found
        if found is None or self._key != key or (found.done() and self._clock() >= self._until):
            self._key = key
            found = self._found = asyncio.ensure_future(run_in_daemon_thread(look))
            found.add_done_callback(self._is_found)
        return await asyncio.shield(found)  # who stops waiting stops nobody else

    def drop(self) -> None:
        """Look anew when it is asked for next."""
        self._found = None

    def _is_found(self, found: "asyncio.Future[T]") -> None:
        if found is not self._found:
            return
        self._until = self._clock() + self._seconds
        if found.cancelled() or found.exception() is not None:
            self._found = None
