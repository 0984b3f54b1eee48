"""Cache a value for some seconds; all who ask meanwhile wait for one lookup in a thread."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from bot.process.daemon_thread import run_in_daemon_thread

T = TypeVar("T")


class TimedCache(Generic[T]):
    """Cache the newest value for `seconds` and for its key alone. Belongs to the event loop."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until = float("-inf")
        self._key: Hashable = None
        self._lookup: asyncio.Task[T] | None = None
        self._newest: T | None = None

    async def get(self, key: Hashable, look_up: Callable[[], T]) -> T:
        """Return the value for `key`, or raise what `look_up` raises, which is not cached."""
        return await asyncio.shield(self._start(key, look_up))  # who stops waiting stops nobody else

    async def latest(self, look_up: Callable[[], T], patience: float) -> T | None:
        """Return the newest value, also during a lookup; wait up to `patience` seconds for the first, else None."""
        lookup = self._start(None, look_up)
        if self._newest is None:
            await asyncio.wait({lookup}, timeout=patience)
        return self._newest

    def drop(self) -> None:
        """Look up again the next time."""
        self._lookup = None

    def _start(self, key: Hashable, look_up: Callable[[], T]) -> asyncio.Task[T]:
        """Return the cached or running lookup, or begin one."""
        lookup = self._lookup
        if lookup is None or self._key != key or (lookup.done() and self._clock() >= self._until):
            self._key = key
            lookup = self._lookup = asyncio.ensure_future(self._keep(look_up))
            lookup.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also where nobody waits
        return lookup

    async def _keep(self, look_up: Callable[[], T]) -> T:
        """Look up, and cache the value before the lookup counts as done: who asks in between must not begin another."""
        try:
            found = await run_in_daemon_thread(look_up)
        except BaseException:
            if asyncio.current_task() is self._lookup:
                self._lookup = None
            raise
        if asyncio.current_task() is self._lookup:
            self._newest, self._until = found, self._clock() + self._seconds
        return found
