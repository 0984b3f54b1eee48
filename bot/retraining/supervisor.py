"""Retraining, one at a time: begun by hand or by the schedule, watched while it runs, its verdict told to the owners.

The work is a child's (child.py). Knows neither the schedule nor any platform.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import training
from bot.config import BotSettings
from bot.process.daemon_thread import run_in_daemon_thread
from bot.replies.permissions import platform_tables
from bot.retraining import report
from bot.retraining.child import STOPPED, ChildLimits, RetrainChild
from bot.retraining.notify import OwnerNotifier
from model.errors import DannError
from training.config.tables import Settings
from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

MODULE = ("training",)
SCHEDULED = "scheduled"
STOP_SECONDS = 2.0
"""How long one that is to end may take to: nothing is lost where it is killed, and dann is to be gone in five."""

log = logging.getLogger("dann.retraining")


@dataclass(frozen=True, slots=True)
class RunningRetrain:
    """A retraining under way. `since` is by the retraining's clock, in seconds."""

    why: str
    since: float
    progress: RetrainProgress


class RetrainSupervisor:
    """What learns anew. `running` is what does so now; `last` how the last one ended, `next` when one is due by the schedule.

    `tell` says a line to the person who started dann. `module` is what is run, with the command behind it.
    """

    def __init__(
        self,
        settings: BotSettings,
        news: OwnerNotifier,
        tell: Callable[[str], None],
        module: Sequence[str] = MODULE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._news = news
        self._tell = tell
        self._module = module
        self._clock = clock
        self._child: RetrainChild | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.running: RunningRetrain | None = None
        self.last: RetrainOutcome | None = None
        self.next: datetime | None = None

    def start(self, why: str, *, force: bool = False) -> str:
        """Begin one and say so; `force`: even where there is little new. Raises DannError where one runs."""
        if self.running is not None:
            raise DannError(f"one runs already: {report.progress_line(self.running.progress, self._seconds())}")
        if self._stopping:
            raise DannError("not now: dann is stopping")
        self.running = RunningRetrain(why, self._clock(), RetrainProgress())
        self._task = asyncio.create_task(self._run(why, force=force))
        self._tell(f"retraining begins ({why})")
        return report.STARTED

    def start_scheduled(self) -> None:
        """The schedule's time has come; where one runs already, that one will do."""
        try:
            self.start(SCHEDULED)
        except DannError as error:
            log.info("retraining was due, but %s", error)

    def set_next(self, next_: datetime | None) -> None:
        """Know when one is due next."""
        self.next = next_

    def about(self) -> str:
        """What owners see of it in `status`, a line each for what there is to say."""
        told = [f"retraining: {report.progress_line(self.running.progress, self._seconds())}"] if self.running else []
        told += [f"last retraining: {report.outcome_line(self.last)}"] if self.last else []
        told += [
            f"next retraining {self.next.astimezone():%Y-%m-%d %H:%M}" if self.next else "no retraining is scheduled"
        ]
        return "\n".join(told)

    async def load_last_outcome(self) -> None:
        """Read from the store how the last one ended; where that cannot be read, there is none to tell of."""

        def look() -> RetrainOutcome | None:
            from bot.retraining.records import last_outcome  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

            return last_outcome(self._settings.data)

        try:
            last = await run_in_daemon_thread(look)
        except DannError as error:
            log.info("how the last retraining ended is not known: %s", error)
        else:
            self.last = self.last or last

    async def stop(self, seconds: float) -> None:
        """Begin none any more, and end the one that runs: asked to at first, killed when `seconds` are over."""
        self._stopping = True
        if self._child is not None:
            await self._child.stop(min(seconds, STOP_SECONDS))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, why: str, *, force: bool) -> None:
        """One retraining from its beginning to the owners."""
        asked = ["retrain", "--config", os.devnull, "--quiet", "--events", "--why", why]  # config.toml may have changed
        command = [*self._module, *asked, *(["--force"] if force else [])]
        ending = RetrainOutcome("failed", "of a bug in dann")
        self._child = RetrainChild(
            command, child_environment(self._settings), child_limits(self._settings), self._on_progress
        )
        try:
            ending = await self._record_if_silent(await self._child.run(), why)
        except Exception:
            log.exception("this is a bug in dann; please report it with these lines")
        finally:
            self._child, self.running, self.last = None, None, ending
        self._tell(f"retraining: {report.outcome_line(ending)}")
        if why != SCHEDULED or ending.verdict != "skipped":  # that a night brought nothing new is no news
            await self._news.tell(f"retraining: {report.outcome_line(ending)}")

    async def _record_if_silent(self, ending: RetrainOutcome, why: str) -> RetrainOutcome:
        """The ending, recorded where the child could not; while stopping, the next start does so."""
        if ending.verdict != "failed" or ending.run is not None or ending.reason == STOPPED:
            return ending

        row = self.running.progress.run if self.running else None

        def record() -> RetrainOutcome:
            from bot.retraining.records import record_silent_end  # noqa: PLC0415

            return record_silent_end(self._settings.data, row, why, ending, self._seconds())

        try:
            return await run_in_daemon_thread(record)
        except DannError as error:
            log.warning("how the retraining ended is not in the store: %s", error)
            return ending

    def _on_progress(self, progress: RetrainProgress) -> None:
        if self.running is None:
            return
        if progress.part != self.running.progress.part:
            log.info("retraining: %s", report.progress_line(progress, self._seconds()))
        self.running = replace(self.running, progress=progress)

    def _seconds(self) -> float:
        return self._clock() - self.running.since if self.running else 0.0


def child_limits(settings: BotSettings) -> ChildLimits:
    """What a retraining may take of this machine."""
    schedule = settings.bot.schedule
    minutes = settings.retrain.minutes + schedule.extra_minutes
    return ChildLimits(schedule.niceness, schedule.threads, minutes * 60, schedule.memory_mb * 1_000_000)


def child_environment(settings: BotSettings) -> Mapping[str, str]:
    """The environment of a process that is to have these settings, less those of the bot, and this very code.

    A table each in a variable, instead of those it came from: a file or command line would show a database's password.
    """
    tokens = {table.environment_variable for table in platform_tables(settings.bot).values()}  # training needs none
    inherited = {
        name: value for name, value in os.environ.items() if name not in tokens and not name.upper().startswith("DANN_")
    }
    tables = {name: getattr(settings, name) for name in Settings.model_fields}
    given = {f"DANN_{name.upper()}": table.model_dump_json() for name, table in tables.items()}
    root = str(Path(training.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**inherited, **given, "PYTHONPATH": os.pathsep.join(paths)}
