"""Run retrainings in child processes, one at a time, and notify. Knows neither the schedule nor any platform."""

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
from bot.retraining.records import last_outcome, record_silent_end
from model.errors import DannError
from training.config.tables import Settings
from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

MODULE = ("training",)
SCHEDULED = "scheduled"
STOP_SECONDS = 2.0
"""How long a child may take to end: nothing is lost where it is killed, and dann must be gone in five."""

log = logging.getLogger("dann.retraining")


@dataclass(frozen=True, slots=True)
class RunningRetrain:
    """A retraining in progress; `since` is in seconds by the supervisor's clock."""

    why: str
    since: float
    progress: RetrainProgress


class RetrainSupervisor:
    """Starts and watches retrainings.

    `running` is the current one, `last` how the last one ended, `next` when one is scheduled. `tell` prints a line for the
    person who started dann. `module` is what is run, with the command behind it.
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
        """Start a retraining and say so; `force`: even with few new posts. Raises DannError where one runs."""
        if self.running is not None:
            raise DannError(f"one runs already: {report.progress_line(self.running.progress, self._seconds())}")
        if self._stopping:
            raise DannError("not now: dann is stopping")
        self.running = RunningRetrain(why, self._clock(), RetrainProgress())
        self._task = asyncio.create_task(self._run(why, force=force))
        self._tell(f"retraining begins ({why})")
        return report.STARTED

    def start_scheduled(self) -> None:
        """Start a scheduled retraining, unless one runs."""
        try:
            self.start(SCHEDULED)
        except DannError as error:
            log.info("retraining was due, but %s", error)

    def set_next(self, next_: datetime | None) -> None:
        """Remember when one is scheduled next."""
        self.next = next_

    def about(self) -> str:
        """Describe it for `status`, in lines."""
        lines = [f"retraining: {report.progress_line(self.running.progress, self._seconds())}"] if self.running else []
        lines += [f"last retraining: {report.outcome_line(self.last)}"] if self.last else []
        when = f"next retraining {self.next.astimezone():%Y-%m-%d %H:%M}" if self.next else "no retraining is scheduled"
        return "\n".join([*lines, when])

    async def load_last_outcome(self) -> None:
        """Read from the store how the last one ended, if it can be read."""
        try:
            last = await run_in_daemon_thread(lambda: last_outcome(self._settings.data))
        except DannError as error:
            log.info("how the last retraining ended is not known: %s", error)
        else:
            self.last = self.last or last

    async def stop(self, seconds: float) -> None:
        """Start none any more; ask the running one to end, and kill it when `seconds` are over."""
        self._stopping = True
        if self._child is not None:
            await self._child.stop(min(seconds, STOP_SECONDS))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, why: str, *, force: bool) -> None:
        """Run one retraining, and notify the owners of its outcome."""
        config = os.devnull  # config.toml may have changed
        arguments = [
            "retrain",
            "--config",
            config,
            "--quiet",
            "--events",
            "--why",
            why,
            *(["--force"] if force else []),
        ]
        environment, limits = child_environment(self._settings), child_limits(self._settings)
        self._child = RetrainChild([*self._module, *arguments], environment, limits, self._on_progress)
        outcome = RetrainOutcome("failed", "of a bug in dann")
        try:
            outcome = await self._record_if_silent(await self._child.run(), why)
        except Exception:
            log.exception("this is a bug in dann; please report it with these lines")
        finally:
            self._child, self.running, self.last = None, None, outcome
        self._tell(f"retraining: {report.outcome_line(outcome)}")
        if why != SCHEDULED or outcome.verdict != "skipped":  # a night without new posts is no news
            await self._news.tell(f"retraining: {report.outcome_line(outcome)}")

    async def _record_if_silent(self, outcome: RetrainOutcome, why: str) -> RetrainOutcome:
        """Record the outcome where the child could not; while stopping, the next start does."""
        if outcome.verdict != "failed" or outcome.run is not None or outcome.reason == STOPPED:
            return outcome
        data, row, seconds = self._settings.data, self.running.progress.run if self.running else None, self._seconds()
        try:
            return await run_in_daemon_thread(lambda: record_silent_end(data, row, why, outcome, seconds))
        except DannError as error:
            log.warning("how the retraining ended is not in the store: %s", error)
            return outcome

    def _on_progress(self, progress: RetrainProgress) -> None:
        if self.running is None:
            return
        if progress.part != self.running.progress.part:
            log.info("retraining: %s", report.progress_line(progress, self._seconds()))
        self.running = replace(self.running, progress=progress)

    def _seconds(self) -> float:
        return self._clock() - self.running.since if self.running else 0.0


def child_limits(settings: BotSettings) -> ChildLimits:
    """Return the child's limits from the settings."""
    schedule = settings.bot.schedule
    minutes = settings.retrain.minutes + schedule.extra_minutes
    return ChildLimits(schedule.niceness, schedule.threads, minutes * 60, schedule.memory_mb * 1_000_000)


def child_environment(settings: BotSettings) -> Mapping[str, str]:
    """Return a child's environment, without tokens; tables stand in variables, as command lines show passwords."""
    tokens = {table.environment_variable for table in platform_tables(settings.bot).values()}  # training needs none
    inherited = {
        name: value for name, value in os.environ.items() if name not in tokens and not name.upper().startswith("DANN_")
    }
    tables = {name: getattr(settings, name) for name in Settings.model_fields}
    variables = {f"DANN_{name.upper()}": table.model_dump_json() for name, table in tables.items()}
    root = str(Path(training.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**inherited, **variables, "PYTHONPATH": os.pathsep.join(paths)}
