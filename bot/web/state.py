"""Where the web asks: plain questions that app.py hands in. Knows no library of the web."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.config import BotSettings
from bot.replies.stats import ReplyStats
from bot.serving.store_counts import StoreCounts
from model.engine.engine import Engine
from training.store.retrain_outcome import RetrainProgress


@dataclass(frozen=True, slots=True)
class AppState:
    """Each is asked anew for every answer and must not block the event loop; what is not there yet is None or empty.

    `why_not`: why nobody can be answered now, "" where they can. `stored` may be some time old. `reloads`: how often another
    checkpoint was to serve, by what came of it. `retraining`: how far the one is that runs.
    `stopping` is set when dann stops: what would go on without end then ends at once.
    """

    settings: BotSettings
    why_not: Callable[[], str]
    tally: ReplyStats
    engine: Callable[[], Engine | None]
    stored: Callable[[], Awaitable[StoreCounts | None]]
    reloads: Callable[[], Mapping[str, int]]
    retraining: Callable[[], RetrainProgress | None]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
