"""Count posts and retraining runs in the store now and then, in a thread."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.process.timed_cache import TimedCache
from model.errors import DannError

EVERY_SECONDS = 60.0
"""Counts are at least this old before they are counted again, however often they are asked for."""
PATIENCE = 1.0
"""Seconds to wait for the first counts."""

log = logging.getLogger("dann.web")


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Posts by kind ("mine", "context"), and finished retraining runs by verdict."""

    posts: Mapping[str, int]
    runs: Mapping[str, int]


def count_stored(url: str) -> StoreCounts:
    """Count what is in the store at a SQLAlchemy URL. Raises DannError where it cannot be read."""
    from training.store.posts import open_store  # noqa: PLC0415 (serving has no other use for SQLAlchemy)
    from training.store.runs import open_runs  # noqa: PLC0415

    with open_store(url) as store:
        mine, context = store.count()
    with open_runs(url) as runs:
        return StoreCounts(posts={"mine": mine, "context": context}, runs=runs.count())


class CachedCounts:
    """The newest counts; `count` is called in a thread, and never twice at once."""

    def __init__(self, count: Callable[[], StoreCounts], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._cache: TimedCache[StoreCounts | None] = TimedCache(EVERY_SECONDS, clock)

    async def newest(self) -> StoreCounts | None:
        """Return the newest counts, also while they are renewed; None for an unreadable store."""
        return await self._cache.latest(self._counts_or_none, PATIENCE)

    def _counts_or_none(self) -> StoreCounts | None:
        try:
            return self._count()
        except DannError as error:
            log.warning("the store could not be counted: %s", error)
        except Exception:
            log.exception("the store could not be counted")
        return None
