"""`/dann-admin`: what an owner may ask and order. Knows no platform, no conversation and no files."""

import resource
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bot import lines
from bot.drawing import Engine
from bot.reload import Reload
from bot.tally import Tally
from model.errors import DannError


class Admin:
    """Does an owner's orders. `paused`: dann is to keep quiet; `tally` is what the responder counts."""

    def __init__(
        self,
        engine: Engine,
        reload: Reload,
        clock: Callable[[], float] = time.monotonic,
        tally: Tally | None = None,
    ) -> None:
        self._engine = engine
        self._checkpoints = reload
        self._clock = clock
        self._since = clock()
        self._tally = tally or Tally()
        self.paused = False

    async def do(self, command: str, argument: str) -> str:
        """Do what an owner orders and say what came of it. Raises DannError, one line, for what cannot be done."""
        orders: dict[str, Callable[[str], Awaitable[str]]] = {
            "status": self._status,
            "pause": self._pause,
            "resume": self._resume,
            "reload": self._reload,
            "rollback": self._rollback,
            "retrain": self._retrain,
        }
        order = orders.get(command.strip().lower())
        if order is None:
            raise DannError(f"there is no such order; there are {', '.join(orders)}")
        return await order(argument.strip())

    async def _status(self, _: str) -> str:
        snapshot, load = self._engine.snapshot, self._engine.load
        about = f"checkpoint {snapshot.id}"
        if snapshot.meta:
            about += f", {snapshot.meta.val_bpb:.3f} bits per byte, made {_age(snapshot.meta.created)}"
        if trouble := self._checkpoints.trouble:
            about += f"\nnot taken over: {trouble}"
        doing = "paused" if self.paused else "answering"
        return (
            f"{about}\n{doing}, up {_span(self._clock() - self._since)}, {self._tally.said:,} answered, "
            f"{load.busy:,} being drawn, {load.waiting:,} waiting\nmemory {_resident_bytes() / 1e6:,.0f} MB"
        )

    async def _pause(self, _: str) -> str:
        self.paused = True
        return "paused; `resume` goes on"

    async def _resume(self, _: str) -> str:
        self.paused = False
        return "answering"

    async def _reload(self, _: str) -> str:
        """Serve what CURRENT names."""
        return await self._checkpoints.now()

    async def _rollback(self, id_: str) -> str:
        """Serve an older checkpoint, from now on and after a restart; without an id, the one before the current."""
        return await self._checkpoints.rollback(id_)

    async def _retrain(self, _: str) -> str:
        return lines.NO_RETRAINING


def _age(created: str) -> str:
    """How long ago that was; as it is written where it is no time."""
    try:
        return f"{_span((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())} ago"
    except (ValueError, TypeError):
        return created or "at an unknown time"


def _span(seconds: float) -> str:
    """A length of time in its two largest units."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _resident_bytes() -> int:
    """Memory that this process holds; where the system does not tell, the most it has held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
