"""Serve the checkpoint that CURRENT names, also when that changes while dann runs.

CURRENT may be changed by a retraining, by `dann train` or `dann rollback` in another shell, or by an owner in a chat. The new
checkpoint is verified, loaded and compiled in threads while the old one goes on serving; one that cannot be used changes
nothing. Knows no platform.
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
from model.checkpoints.folder import CURRENT
from model.checkpoints.serving import Load, load_incumbent
from model.errors import DannError

log = logging.getLogger("dann.reload")

POLL_SECONDS = 0.5
"""Between two reads of CURRENT."""
RETRY_SECONDS = 60.0
"""A failed checkpoint is tried again after this long although its files are the same: memory may have been short."""
NO_CHECKPOINT = "no checkpoint yet: `dann import PATH`, then `dann train`; dann goes on here as soon as there is one"


@dataclass(frozen=True, slots=True)
class CurrentFile:
    """The id in CURRENT ("": `problem` says why), and name, change time and size of each of its files."""

    id: str
    problem: str
    files: tuple[tuple[str, int, int], ...]


class Reload:
    """Keeps the engine on the checkpoint that CURRENT names.

    Only `reload` and `rollback` raise; owners call them. `reloads` and `failures` count attempts; `trouble` says why the
    checkpoint that CURRENT names does not serve, "" if it does. `tell` prints a line for each change; `load` loads one,
    by default without a guard.
    """

    def __init__(
        self,
        engine: EngineLike,
        root: Path,
        tell: Callable[[str], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        load: Load | None = None,
    ) -> None:
        self.reloads = self.failures = 0
        self.trouble = ""
        self._engine, self._root = engine, root
        self._tell, self._clock = tell, clock
        self._load_snapshot = load or _load_unguarded
        self._failed: CurrentFile | None = None
        self._retry_at = 0.0
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Poll CURRENT until cancelled, and load what is new."""
        while True:
            await self.check()
            await asyncio.sleep(POLL_SECONDS)

    async def check(self) -> None:
        """Load what CURRENT names, if new; one that failed only when a file changes, or after RETRY_SECONDS."""
        async with self._lock:
            current = await asyncio.to_thread(_read_current, self._root)
            if current.id == self._engine.snapshot.id:
                self._failed, self.trouble = None, ""
            elif current != self._failed or self._clock() >= self._retry_at:
                self._failed, self._retry_at = current, self._clock() + RETRY_SECONDS
                try:
                    await self._load(current)
                except Exception as error:
                    self._note(error)

    async def reload(self) -> str:
        """Serve what CURRENT names, and say so. Raises DannError, with nothing changed, where it cannot be used."""
        async with self._lock:
            current = await asyncio.to_thread(_read_current, self._root)
            if current.id == self._engine.snapshot.id:
                return f"{current.id} serves already"
            return await self._load(current)

    async def rollback(self, id_: str) -> str:
        """Serve checkpoint `id_` from now on, also after a restart; "": the one before the current.

        Raises DannError, with nothing changed, where there is none or it cannot be used.
        """
        async with self._lock:
            chosen = await asyncio.to_thread(rollback.rollback_target, self._root, id_)
            snapshot = await asyncio.to_thread(self._load_snapshot, self._root, chosen)
            await asyncio.to_thread(rollback.rollback, self._root, chosen)
            return await self._serve(snapshot)

    async def _load(self, current: CurrentFile) -> str:
        if not current.id:
            raise DannError(current.problem)
        return await self._serve(await asyncio.to_thread(self._load_snapshot, self._root, current.id))

    async def _serve(self, snapshot: Snapshot) -> str:
        before = self._engine.snapshot.id
        if snapshot.id == before:
            return f"{before} serves already"
        await self._engine.swap(snapshot)
        self.reloads += 1
        self._failed, self.trouble = None, ""
        line = f"{snapshot.id} serves now, instead of {before or 'none'}"
        self._tell(f"dann: checkpoint {line}")
        return line

    def _note(self, error: Exception) -> None:
        """Count a failure, and log it once."""
        self.failures += 1
        trouble = str(error) if isinstance(error, DannError) else "it could not be loaded; dann's log says why"
        if trouble != self.trouble:
            details = None if isinstance(error, DannError) else error
            log.warning("checkpoint %s goes on answering: %s", self._engine.snapshot.id, trouble, exc_info=details)
        self.trouble = trouble


async def load_first(root: Path, tell: Callable[[str], object], load: Load | None = None) -> Snapshot:
    """Load the checkpoint to serve, waiting for the first; if it is unusable, the one before.

    Raises DannError where neither can be used.
    """
    waiting = False
    while True:
        current = await asyncio.to_thread(_read_current, root)
        try:
            incumbent = await asyncio.to_thread(load_incumbent, root, load or _load_unguarded)
        except DannError:
            if await asyncio.to_thread(_read_current, root) == current:
                raise
            continue  # CURRENT changed meanwhile, and this checkpoint was removed
        if incumbent is None:
            if not waiting:
                tell(NO_CHECKPOINT)
            waiting = True
            await asyncio.sleep(POLL_SECONDS)
        elif not incumbent.trouble or await asyncio.to_thread(_read_current, root) == current:
            if incumbent.trouble:
                tell(f"{incumbent.trouble}; {incumbent.snapshot.id}, which served before, answers until then")
            return incumbent.snapshot


def _load_unguarded(root: Path, id_: str) -> Snapshot:
    return checkpoint.load(root, id_)


def _read_current(root: Path) -> CurrentFile:
    """Read CURRENT and list that checkpoint's files: one short file and one short folder."""
    try:
        id_ = checkpoint.current(root) or ""
    except DannError as error:
        return CurrentFile("", str(error), ())
    return CurrentFile(id_, f"{root / CURRENT} names no checkpoint", _files(root / id_) if id_ else ())


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, change time and size of each file; none where the folder cannot be read."""
    try:
        stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError:
        return ()
    # Not the modification time, which a copy preserves and new permissions do not touch.
    return tuple((name, stat.st_ctime_ns, stat.st_size) for name, stat in stats)
