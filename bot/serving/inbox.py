"""Import exports dropped into the inbox while dann serves; polled in a thread."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from training.config.tables import DataConfig
from training.posts.inbox import Importer, Inbox, InboxStopped
from training.posts.inbox_child import ImportChild

POLL_SECONDS = 2.0
IN_CHILD = ImportChild()
"""A file that takes all memory or time takes it from a child process."""

log = logging.getLogger("dann.inbox")


async def watch_inbox(
    data: DataConfig, folder: Path, tell: Callable[[str], None], importer: Importer = IN_CHILD
) -> None:
    """Import what is dropped into `folder` until cancelled, each in a child process, printing a line for each."""
    stopping = False
    inbox = Inbox(data, folder, should_stop=lambda: stopping, importer=importer)
    try:
        while True:
            for line in await asyncio.to_thread(inbox.scan):
                tell(line)
            await asyncio.sleep(POLL_SECONDS)
    except InboxStopped:
        pass
    finally:
        stopping = True  # what is being read is left for the next start
