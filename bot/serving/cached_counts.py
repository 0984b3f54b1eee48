"""What the store holds, counted aside now and then: the event loop does not wait for a database. Knows no database."""

import asyncio
import logging
import time
from collections.abc import Callable

from bot.process.daemon_thread import run_in_daemon_thread
from bot.serving.store_counts import StoreCounts
from model.errors import DannError

EVERY_SECONDS = 60.0
"""Counts are at least so old before they are counted anew, however often they are asked for."""
PATIENCE = 1.0
"""Seconds to wait for the first of them."""

log = logging.getLogger("dann.web")


class CachedCounts:
    """The newest counts. Belongs to the event loop; `count` is called in a thread, and never twice at once."""

    def __init__(self, count: Callable[[], StoreCounts], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._began = float("-inf")
        self._counting: asyncio.Task[None] | None = None
        self._stored: StoreCounts | None = None

    async def newest(self) -> StoreCounts | None:
        """The newest counts there are, also while newer ones are on their way; None where they cannot be had."""
        if self._counting is None and self._clock() - self._began >= EVERY_SECONDS:
            self._began = self._clock()
            self._counting = asyncio.create_task(self._take())
        if self._counting and self._stored is None:
            await asyncio.wait({self._counting}, timeout=PATIENCE)
        return self._stored

    async def _take(self) -> None:
        stored = None
        try:
            stored = await run_in_daemon_thread(self._count)
        except DannError as error:
            log.warning("the store could not be counted: %s", error)
        except Exception:
            log.exception("the store could not be counted")
        self._stored, self._counting = stored, None
