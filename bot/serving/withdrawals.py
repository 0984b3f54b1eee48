"""Look again when another command asks: checkpoints that were withdrawn, and people who left (training/servers.py).

Once it has answered, nothing that a withdrawn checkpoint drew is sent any more. Knows no platform.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.process.daemon_thread import run_in_daemon_thread
from bot.replies.responder import Responder
from model.checkpoints.folder import withdrawn
from model.engine.engine import Engine
from model.errors import DannError
from training.config.tables import DataConfig
from training.servers import Server

POLL_SECONDS = 0.25
Look = Callable[[frozenset[str]], Awaitable[None]]
"""Acts on the ids of all checkpoints that were withdrawn; returns when nothing of them leaves any more."""

log = logging.getLogger("dann.serving")


class Withdrawals:
    """Calls everything that has to look again, in the order in which it was added."""

    def __init__(self, root: Path) -> None:
        self._ids: frozenset[str] = frozenset()
        self._root = root
        self._looks: list[Look] = []

    def add(self, look: Look) -> None:
        """Call this whenever the servers are asked."""
        self._looks.append(look)

    async def run(self, server: Server) -> None:
        """Answer what is asked, until cancelled; what fails is tried again, and is not answered until then."""
        answered, failed = await asyncio.to_thread(server.requested), False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            asked = await asyncio.to_thread(server.requested)
            if asked <= answered and not failed:
                continue
            try:
                await self.look()
                await asyncio.to_thread(server.answer, asked)
                answered, failed = asked, False
            except Exception as error:
                if not failed:
                    bug = None if isinstance(error, DannError) else error
                    log.warning("what was forgotten may still be answered from: %s", error, exc_info=bug)
                failed = True

    async def look(self) -> None:
        """Read which checkpoints were withdrawn, and call everything. Raises DannError where that cannot be read."""
        checkpoints = await self.read()
        for look in self._looks:
            await look(checkpoints)

    async def read(self) -> frozenset[str]:
        """Read which checkpoints were withdrawn. Raises DannError where that cannot be read."""
        self._ids |= frozenset(await asyncio.to_thread(withdrawn, self._root))
        return self._ids


async def withdraw(engine: Engine, responder: Responder, checkpoints: frozenset[str]) -> None:
    """End every reply of these checkpoints, and serve none of them until another is taken over."""
    engine.withdraw(checkpoints)
    await responder.withdraw(checkpoints)


async def finish_leaving(data: DataConfig) -> None:
    """Finish what a kill or a full disk cut off of forgetting people. Raises DannError where that is not possible now."""

    def finish() -> None:
        from training.posts.leaving import finish_leaving as finish_all  # noqa: PLC0415 (SQLAlchemy takes half a second)
        from training.store.posts import open_store  # noqa: PLC0415

        if data.url or data.store_file.exists():  # opening it would create it
            with open_store(data.store_url) as store:
                finish_all(store, data)

    await run_in_daemon_thread(finish)
