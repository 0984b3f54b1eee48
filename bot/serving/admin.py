"""`/dann-admin`: the commands of owners. Knows no platform, no conversation and no files."""

import os
import resource
import sys
import time
from collections.abc import Callable

from bot.replies.generate import EngineLike
from bot.replies.stats import ReplyStats
from bot.retraining.child import resident_bytes
from bot.retraining.report import duration
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.reload import Reload
from model.checkpoints.folder import Meta
from model.errors import DannError

MANUAL = "by hand"
"""The reason recorded for a retraining that an owner started."""


class Admin:
    """Runs owners' commands; while `paused`, dann answers nobody. `asking` says who asks to be forgotten, "" for nobody."""

    def __init__(
        self,
        engine: EngineLike,
        reload: Reload,
        clock: Callable[[], float] = time.monotonic,
        retraining: RetrainSupervisor | None = None,
        stats: ReplyStats | None = None,
        asking: Callable[[], str] = lambda: "",
    ) -> None:
        self._engine = engine
        self._retraining = retraining
        self._reloader = reload
        self._clock = clock
        self._since = clock()
        self._stats = stats or ReplyStats()
        self._asking = asking
        self.paused = False

    async def run(self, command: str, argument: str) -> str:
        """Run an owner's command and describe the result. Raises DannError, one line, for what cannot be done."""
        argument = argument.strip()
        match command.strip().lower():
            case "status":
                return self._status()
            case "pause":
                self.paused = True
                return "paused; `resume` goes on"
            case "resume":
                self.paused = False
                return "answering"
            case "reload":
                return await self._reloader.reload()
            case "rollback":
                return await self._reloader.rollback(argument)
            case "retrain":
                return self._retrain(argument)
        raise DannError("there is no such order; there are status, pause, resume, reload, rollback, retrain")

    def _status(self) -> str:
        snapshot, load = self._engine.snapshot, self._engine.load
        about = f"checkpoint {snapshot.id}" if snapshot.id else "no checkpoint: what served learned what was forgotten"
        if snapshot.meta:
            about += f", {snapshot.meta.val_bpb:.3f} bits per byte, made {_age(snapshot.meta)}"
        if trouble := self._reloader.trouble:
            about += f"\nnot taken over: {trouble}"
        state = "paused" if self.paused else "answering"
        retraining = f"\n{self._retraining.about()}" if self._retraining else ""
        asking = f"\n{line}" if (line := self._asking()) else ""
        return (
            f"{about}\n{state}, up {duration(self._clock() - self._since)}, {self._stats.answered:,} answered, "
            f"{load.busy:,} being drawn, {load.waiting:,} waiting\n"
            f"memory {_resident_bytes() / 1e6:,.0f} MB{retraining}{asking}"
        )

    def _retrain(self, argument: str) -> str:
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
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return resident_bytes(os.getpid()) or most
