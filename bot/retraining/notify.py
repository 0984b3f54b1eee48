"""Notify the owners on every connected platform. Knows no platform: each passes how it sends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

SEND_SECONDS = 60.0
"""How long a platform may take; one that cannot be reached is not waited for."""

Tell = Callable[[str, str], Awaitable[None]]
"""Sends an owner, by id, a text. Raises where they cannot be reached."""

log = logging.getLogger("dann")


class OwnerNotifier:
    """Sends lines to owners; platforms attach while they are connected."""

    def __init__(self) -> None:
        self._senders: dict[str, tuple[Tell, Sequence[str]]] = {}
        self._unreached: set[tuple[str, str]] = set()

    @contextmanager
    def attached(self, platform: str, tell: Tell, owners: Sequence[str]) -> Iterator[None]:
        """Notify these owners through `tell` while the block runs."""
        self._senders[platform] = (tell, owners)
        try:
            yield
        finally:
            del self._senders[platform]

    @property
    def reaches_somebody(self) -> bool:
        """Whether an owner is on a platform that is connected."""
        return any(owners for _, owners in self._senders.values())

    async def tell(self, text: str) -> None:
        """Notify every owner concurrently; return when each was reached or could not be."""
        await asyncio.gather(
            *(
                self._tell(platform, tell, owner, text)
                for platform, (tell, owners) in self._senders.items()
                for owner in owners
            )
        )

    async def _tell(self, platform: str, tell: Tell, owner: str, text: str) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await tell(owner, text)
        except Exception as error:
            if (platform, owner) not in self._unreached:
                reason = str(error) or type(error).__name__
                log.warning("owner %s cannot be told on %s (%s); this is said once", owner, platform, reason)
            self._unreached.add((platform, owner))
        else:
            self._unreached.discard((platform, owner))
