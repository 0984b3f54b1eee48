"""State of `dann serve`, for readiness, metrics and the page. Written by app.py; knows none of its readers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.replies.stats import ReplyStats
from bot.retraining.notify import OwnerNotifier
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.admin import Admin
from bot.serving.reload import Reload
from model.engine.engine import Engine
from training.store.retrain_outcome import RetrainProgress

NOT_LOADED = "no checkpoint is loaded yet"
NOT_COMPILED = "the checkpoint is being compiled"
WITHDRAWN = "no checkpoint serves: those there were learned what was forgotten since"
QUEUE_FULL = "as many replies are under way, and wait, as may"


@dataclass
class ServeStatus:
    """State of `dann serve`; until `engine` is set, `waits_for` says what is missing."""

    waits_for: str = NOT_LOADED
    engine: Engine | None = None
    reload: Reload | None = None
    retraining: RetrainSupervisor | None = None
    admin: Admin | None = None
    news: OwnerNotifier = field(default_factory=OwnerNotifier)
    stats: ReplyStats = field(default_factory=ReplyStats)

    def serving(self) -> Engine | None:
        """Return the engine while a checkpoint serves."""
        return self.engine if self.engine and self.engine.snapshot.id else None

    def why_not(self) -> str:
        """Say why no reply can be drawn at the moment; "" where one can."""
        if self.engine is None:
            return self.waits_for
        if not self.serving():
            return WITHDRAWN
        return QUEUE_FULL if self.engine.full else ""

    def paused(self) -> bool:
        """Whether an owner has paused dann."""
        return self.admin is not None and self.admin.paused

    def report(self) -> Callable[[str], Awaitable[None]] | None:
        """Return what sends the owners a text; None where none is connected."""
        return self.news.tell if self.news.reaches_somebody else None

    def progress(self) -> RetrainProgress | None:
        """Return the progress of the running retraining, None where there is none."""
        running = self.retraining.running if self.retraining else None
        return running.progress if running else None

    def reloads(self) -> Mapping[str, int]:
        """Count reloads by outcome."""
        return {"done": self.reload.reloads, "failed": self.reload.failures} if self.reload else {}
