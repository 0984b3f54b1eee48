"""`/dann-admin`: the commands of owners. Knows no platform, no conversation and no files."""

import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from bot.replies.generate import EngineLike
from bot.replies.stats import ReplyStats
from bot.retraining.report import duration
from bot.serving.reload import Reload
from model.checkpoints.folder import Meta
from model.errors import DannError

MANUAL = "by hand"
"""The reason recorded for a retraining that an owner started."""


class RetrainControl(Protocol):
    """Starts retrainings (supervisor.py)."""

    def start(self, why: str, *, force: bool = False) -> str:
        """Start one and say so. Raises DannError where that cannot be now."""

    def about(self) -> str:
        """Describe it for `status`, in lines."""


class Admin:
    """Runs owners' commands; while `paused`, dann answers nobody."""

    def __init__(
        self,
        engine: EngineLike,
        reload: Reload,
        clock: Callable[[], float] = time.monotonic,
        retraining: RetrainControl | None = None,
        stats: ReplyStats | None = None,
    ) -> None:
        self._engine = engine
        self._retraining = retraining
        self._reloader = reload
        self._clock = clock
        self._since = clock()
        self._stats = stats or ReplyStats()
        self.paused = False

    async def run(self, command: str, argument: str) -> str:
        """Run an owner's command and describe the result. Raises DannError, one line, for what cannot be done."""
        commands: dict[str, Callable[[str], Awaitable[str]]] = {
            "status": self._status,
            "pause": self._pause,
            "resume": self._resume,
            "reload": self._reload,
            "rollback": self._rollback,
            "retrain": self._retrain,
        }
        method = commands.get(command.strip().lower())
        if method is None:
            raise DannError(f"there is no such order; there are {', '.join(commands)}")
        return await method(argument.strip())

    async def _status(self, _: str) -> str:
        snapshot, load = self._engine.snapshot, self._engine.load
        about = f"checkpoint {snapshot.id}"
        if snapshot.meta:
            about += f", {snapshot.meta.val_bpb:.3f} bits per byte, made {_age(snapshot.meta)}"
        if trouble := self._reloader.trouble:
            about += f"\nnot taken over: {trouble}"
        state = "paused" if self.paused else "answering"
        retraining = f"\n{self._retraining.about()}" if self._retraining else ""
        return (
            f"{about}\n{state}, up {duration(self._clock() - self._since)}, {self._stats.answered:,} answered, "
            f"{load.busy:,} being drawn, {load.waiting:,} waiting\nmemory {_resident_bytes() / 1e6:,.0f} MB{retraining}"
        )

    async def _pause(self, _: str) -> str:
        self.paused = True
        return "paused; `resume` goes on"

    async def _resume(self, _: str) -> str:
        self.paused = False
        return "answering"

    async def _reload(self, _: str) -> str:
        """Serve what CURRENT names."""
        return await self._reloader.reload()

    async def _rollback(self, id_: str) -> str:
        """Serve an older checkpoint from now on, also after a restart; without an id, the one before the current."""
        return await self._reloader.rollback(id_)

    async def _retrain(self, argument: str) -> str:
        """Retrain on new posts; `force`: even where there are few."""
        if argument.lower() not in {"", "force"}:
            raise DannError(f"retrain takes nothing, or force: not {argument[:20]!r}")
        if self._retraining is None:
            raise DannError("nothing learns here")
        return self._retraining.start(MANUAL, force=bool(argument))


def _age(meta: Meta) -> str:
    created = meta.created_at()
    return "at an unknown time" if created is None else f"{duration(time.time() - created)} ago"


def _resident_bytes() -> int:
    """Return the memory that this process holds; where the system does not tell, the most it has held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
