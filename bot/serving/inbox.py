"""Import exports dropped into the inbox while dann serves; polled in a thread."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from training.config.tables import Settings
from training.posts.inbox import Inbox, InboxStopped
from training.posts.inbox_child import ImportChild

POLL_SECONDS = 2.0

log = logging.getLogger("dann.inbox")


async def watch_inbox(settings: Settings, folder: Path, tell: Callable[[str], None]) -> None:
    """Import what is dropped into `folder` until cancelled, printing a line for each.

    Each is read in a child process: a file that takes all memory or time takes it from that.
    """
    stopping = False
    importer = ImportChild(settings.privacy)
    inbox = Inbox(settings.data, folder, should_stop=lambda: stopping, importer=importer)
    try:
        while True:
            for line in await asyncio.to_thread(inbox.scan):
                tell(line)
            await asyncio.sleep(POLL_SECONDS)
    except InboxStopped:
        pass
    finally:
        stopping = True  # what is being read is left for the next start
