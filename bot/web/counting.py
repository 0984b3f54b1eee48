"""What the store holds, counted in a thread now and then: the event loop does not wait for a database. Knows no database."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from bot.stored import Stored
from model.errors import DannError

EVERY_SECONDS = 60.0
"""Counts are at least so old before they are counted anew, however often they are asked for."""
PATIENCE = 1.0
"""Seconds to wait for the first of them."""

log = logging.getLogger("dann.web")


class Counting:
    """The newest counts. Belongs to the event loop; `count` is called in a thread, and never twice at once."""

    def __init__(self, count: Callable[[], Stored], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._began = float("-inf")
        self._over = asyncio.Event()
        self._over.set()
        self._stored: Stored | None = None

    async def newest(self) -> Stored | None:
        """The newest counts there are, also while newer ones are on their way; None where they cannot be had."""
        if self._over.is_set() and self._clock() - self._began >= EVERY_SECONDS:
            self._begin()
        if self._stored is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), PATIENCE)
        return self._stored

    def _begin(self) -> None:
        self._began = self._clock()
        self._over.clear()
        # A daemon, as a database that cannot be reached is waited for long, and stopping must not be.
        threading.Thread(target=self._work, args=[asyncio.get_running_loop()], name="dann counts", daemon=True).start()

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        stored = None
        try:
            stored = self._count()
        except DannError as error:
            log.warning("the store could not be counted: %s", error)
        except Exception:
            log.exception("the store could not be counted")
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(self._take, stored)

    def _take(self, stored: Stored | None) -> None:
        self._stored = stored
        self._over.set()
