"""What `dann serve` has come to, for those who look at it from outside. Written by app.py; knows none who read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.replies.stats import ReplyStats
from bot.retraining.outcome import RetrainProgress
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.reload import Reload
from model.engine.engine import Engine

NOT_LOADED = "no checkpoint is loaded yet"
NOT_COMPILED = "the checkpoint is being compiled"
QUEUE_FULL = "as many replies are under way, and wait, as may"


@dataclass
class ServeStatus:
    """`engine` is there once it answers; until then `waits_for` says in words what is missing."""

    waits_for: str = NOT_LOADED
    engine: Engine | None = None
    reload: Reload | None = None
    retraining: RetrainSupervisor | None = None
    stats: ReplyStats = field(default_factory=ReplyStats)

    def why_not(self) -> str:
        """Why nobody can be answered at the moment; "" where they can."""
        if self.engine is None:
            return self.waits_for
        return QUEUE_FULL if self.engine.full else ""

    def progress(self) -> RetrainProgress | None:
        """How far the retraining is that runs; None where none does."""
        running = self.retraining.running if self.retraining else None
        return running.progress if running else None

    def reloads(self) -> Mapping[str, int]:
        """How often another checkpoint was to serve, by what came of it."""
        return {"done": self.reload.reloads, "failed": self.reload.failures} if self.reload else {}
