"""Which checkpoint answers: the one that CURRENT names, also when that changes while dann runs. Knows no platform.

It may be changed from anywhere: by a retrain, by `dann train` or `dann rollback` in another shell, by an owner in a chat. The
new one is verified, loaded and compiled in threads, while the old one goes on answering; what cannot be used changes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.replies.generate import EngineLike
from model.checkpoints import checkpoint, rollback
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.serving import load_incumbent
from model.errors import DannError

log = logging.getLogger("dann.reload")

POLL_SECONDS = 0.5
"""Between two looks at CURRENT."""
RETRY_SECONDS = 60.0
"""After so long, what failed is tried again although nothing of it has changed: memory may have been short."""
NO_CHECKPOINT = "no checkpoint yet: `dann import PATH`, then `dann train`; dann goes on here as soon as there is one"


@dataclass(frozen=True, slots=True)
class CurrentFile:
    """What CURRENT names, or why it names nothing, and when which of that checkpoint's files changed."""

    id: str
    problem: str
    files: tuple[tuple[str, int, int], ...]


class Reload:
    """Keeps the engine on what CURRENT names. Nothing here raises but `now` and `rollback`, which owners order.

    `reloads` and `failures` count what became of changes; `trouble` says why what CURRENT names does not answer, "" if it
    does. `tell` is given a line for each change.
    """

    def __init__(
        self,
        engine: EngineLike,
        root: Path,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reloads = self.failures = 0
        self.trouble = ""
        self._engine, self._root = engine, root
        self._tell, self._clock = tell, clock
        self._failed: CurrentFile | None = None
        self._retry_at = 0.0
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Look until cancelled, and take over what is new."""
        while True:
            await self.check()
            await asyncio.sleep(POLL_SECONDS)

    async def check(self) -> None:
        """Take over what CURRENT names, if that is new. What failed waits until some of it changes."""
        async with self._lock:
            seen = await asyncio.to_thread(_read_current, self._root)
            if seen.id == self._engine.snapshot.id:
                self._failed, self.trouble = None, ""
            elif seen != self._failed or self._clock() >= self._retry_at:
                self._failed, self._retry_at = seen, self._clock() + RETRY_SECONDS
                try:
                    await self._load(seen)
                except Exception as error:
                    self._note(error)

    async def reload(self) -> str:
        """Let what CURRENT names answer, and say so. Raises DannError, and nothing changed, where it cannot be used."""
        async with self._lock:
            seen = await asyncio.to_thread(_read_current, self._root)
            if seen.id == self._engine.snapshot.id:
                return f"{seen.id} serves already"
            return await self._load(seen)

    async def rollback(self, id_: str) -> str:
        """Let `id_` serve, from now on and after a restart; "": what served before the current one.

        Raises DannError, and nothing changed, where there is none or it cannot be used.
        """
        async with self._lock:
            chosen = await asyncio.to_thread(rollback.rollback_target, self._root, id_)
            snapshot = await asyncio.to_thread(checkpoint.load, self._root, chosen)
            await asyncio.to_thread(rollback.rollback, self._root, chosen)
            return await self._serve(snapshot)

    async def _load(self, seen: CurrentFile) -> str:
        if not seen.id:
            raise DannError(seen.problem)
        return await self._serve(await asyncio.to_thread(checkpoint.load, self._root, seen.id))

    async def _serve(self, snapshot: Snapshot) -> str:
        before = self._engine.snapshot.id
        if snapshot.id == before:
            return f"{before} serves already"
        await self._engine.swap(snapshot)
        self.reloads += 1
        self._failed, self.trouble = None, ""
        line = f"{snapshot.id} serves now, instead of {before}"
        self._tell(f"dann: checkpoint {line}")
        return line

    def _note(self, error: Exception) -> None:
        """Count it, and say it once."""
        self.failures += 1
        trouble = str(error) if isinstance(error, DannError) else "it could not be loaded; dann's log says why"
        if trouble != self.trouble:
            details = None if isinstance(error, DannError) else error
            log.warning("checkpoint %s goes on answering: %s", self._engine.snapshot.id, trouble, exc_info=details)
        self.trouble = trouble


async def load_first(root: Path, tell: Callable[[str], object]) -> Snapshot:
    """The checkpoint that serves; where there is none yet, wait for it. Where it cannot be used, what served before will do.

    Raises DannError where that cannot be used either.
    """
    told = False
    while True:
        seen = await asyncio.to_thread(_read_current, root)
        try:
            found = await asyncio.to_thread(load_incumbent, root)
        except DannError:
            if await asyncio.to_thread(_read_current, root) == seen:
                raise
            continue  # another came to serve meanwhile, and this one was removed
        if found is None:
            if not told:
                tell(NO_CHECKPOINT)
            told = True
            await asyncio.sleep(POLL_SECONDS)
        elif not found.trouble or await asyncio.to_thread(_read_current, root) == seen:
            if found.trouble:
                tell(f"{found.trouble}; {found.snapshot.id}, which served before, answers until then")
            return found.snapshot


def _read_current(root: Path) -> CurrentFile:
    """Look, which takes one short file and one short folder."""
    try:
        id_ = checkpoint.current(root) or ""
    except DannError as error:
        return CurrentFile("", str(error), ())
    return CurrentFile(id_, f"{root / checkpoint.CURRENT} names no checkpoint", _files(root / id_) if id_ else ())


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of each file; none where they cannot be looked at."""
    try:
        found = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError:
        return ()
    # Not the time of writing, which a copy keeps and new permissions leave alone.
    return tuple((name, told.st_ctime_ns, told.st_size) for name, told in found)
