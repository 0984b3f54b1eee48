"""Waiting for something to become so."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

SECONDS = 10.0
"""How long is waited for something before it counts as not coming."""
LOOK_SECONDS = 0.02
"""How often is looked for it besides, as what changes within a bot wakes nobody here."""


class Changes:
    """Something that changes, and that others wait on."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Wake whoever waits for something."""
        self._changed.set()

    async def until(self, happened: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until something is so; raises TimeoutError if it does not become so in time."""
        async with asyncio.timeout(seconds):
            while not happened():
                self._changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), LOOK_SECONDS)
