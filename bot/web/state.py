"""The bot's state as the web reads it: functions that app.py passes in. Knows no web library."""

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
    """State of the running bot. The functions are called for every request, must not block, and may return None.

    `why_not`: the reason why dann cannot answer now, "" where it can. `store_counts` may be some seconds old. `reloads`:
    counts of checkpoint reloads by outcome. `stopping` is set when dann stops; endless streams then end at once. `paused`:
    whether an owner has paused it. `report` gives what sends the owners a text, None where no owner can be told.
    `on_withdrawal` takes what is to be called when checkpoints are withdrawn, with their ids.
    """

    settings: BotSettings
    why_not: Callable[[], str]
    stats: ReplyStats
    engine: Callable[[], Engine | None]
    store_counts: Callable[[], Awaitable[StoreCounts | None]]
    reloads: Callable[[], Mapping[str, int]]
    retraining: Callable[[], RetrainProgress | None]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    paused: Callable[[], bool] = lambda: False
    report: Callable[[], Callable[[str], Awaitable[None]] | None] = lambda: None
    on_withdrawal: Callable[[Callable[[frozenset[str]], Awaitable[None]]], None] = lambda _: None
