"""Import exports dropped into the inbox while dann serves; polled in a thread."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from training.config.tables import DataConfig
from training.posts.inbox import Inbox, InboxStopped

POLL_SECONDS = 2.0

log = logging.getLogger("dann.inbox")


async def watch_inbox(data: DataConfig, folder: Path, tell: Callable[[str], None]) -> None:
    """Import what is dropped into `folder` until cancelled, printing a line for each."""
    stopping = False
    inbox = Inbox(data, folder, should_stop=lambda: stopping)
    try:
        while True:
            for line in await asyncio.to_thread(inbox.scan):
                tell(line)
            await asyncio.sleep(POLL_SECONDS)
    except InboxStopped:
        pass
    finally:
        stopping = True  # what is being read is left for the next start
