"""Wait for a condition to become true."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

SECONDS = 10.0
"""How long to wait before giving up."""
POLL_SECONDS = 0.02
"""How often to check anyway, because changes inside a bot do not wake the waiter."""


class Changes:
    """Base class of state that others wait on."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Wake all waiters to check their conditions."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until a condition is true. Raises TimeoutError if it is not in time."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), POLL_SECONDS)
