"""Schedule retrainings with one APScheduler job, stored in the database beside the posts.

It has a thread of its own, so that a locked or missing database holds up nobody: it is tried again. The job's next time is
stored, so that a time missed while the machine was off is noticed at the next start. Where two processes serve one data
folder, one of them schedules, and the other takes over when it ends. Knows no outcome.
"""

import asyncio
import logging
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_SUBMITTED  # type: ignore[import-untyped]
from apscheduler.executors.debug import DebugExecutor  # type: ignore[import-untyped]
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.base import BaseScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

from bot.config import BotSettings, ScheduleConfig
from model.checkpoints.file_lock import LockHeldError, hold_lock
from model.errors import DannError
from training.store.database import explain_errors, open_database

JOB = "retrain"
LOCK_FILE = "schedule.lock"
POLL_SECONDS = 30.0
"""The longest between two looks at the clock, which may be set meanwhile."""
RETRY_SECONDS = 10.0
"""Pause before a database or lock that could not be used is tried again."""
FORMER_NAMES = frozenset({"bot.scheduler:retrain"})
"""Names of `retrain` in jobs that earlier versions stored."""
MISFIRE_TIME = timedelta(hours=1)
"""A job later than this was missed, and is not run unless `make_up` is on."""
STOP_SECONDS = 1.0
"""How long stopping waits for the thread; one that hangs on a database is left behind."""

log = logging.getLogger("dann.schedule")


def retrain() -> None:
    """Name the stored job, which StepScheduler listens for. Where this moves, its old name goes into FORMER_NAMES."""


class RetrainSchedule:
    """Calls `due` when it is time, and `planned` with each new next time or None; on the event loop, must not raise."""

    def __init__(
        self, settings: BotSettings, due: Callable[[], None], planned: Callable[[datetime | None], None]
    ) -> None:
        self._data = settings.data
        self._plan = SchedulePlan(settings.bot.schedule, local_zone())
        self._due = due
        self._planned = planned
        self._stopping = threading.Event()
        self._last_warning = ""

    async def run(self) -> None:
        """Keep the schedule until cancelled, whatever goes wrong."""
        loop, left = asyncio.get_running_loop(), asyncio.Event()

        def on_loop(call: Callable[..., None], *arguments: Any) -> None:
            with suppress(RuntimeError):  # the loop has ended, and left this thread behind
                loop.call_soon_threadsafe(call, *arguments)

        def work() -> None:
            self._work(on_loop)
            on_loop(left.set)

        threading.Thread(target=work, name="schedule", daemon=True).start()
        try:
            await asyncio.Event().wait()
        finally:
            self._stopping.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(left.wait(), STOP_SECONDS)

    def _work(self, on_loop: Callable[..., None]) -> None:
        """Hold the lock, open the database, keep the job; start over after errors. In the thread."""
        while not self._stopping.is_set():
            try:
                with (
                    hold_lock(self._data.dir / LOCK_FILE),
                    open_database(self._data.store_url) as engine,
                    explain_errors(engine),
                ):
                    self._keep(StepScheduler(self._plan.zone, engine, lambda: on_loop(self._due)), on_loop)
            except LockHeldError as error:
                advice = "this one answers, and takes over when it ends"
                self._warn_once(f"another dann schedules here ({error.holder}); {advice}")
            except (DannError, OSError) as error:
                self._warn_once(f"no schedule for now, answers go on: {error}")
            except Exception:
                log.exception("the schedule could not be kept and is tried again; this is a bug in dann")
            self._stopping.wait(RETRY_SECONDS)

    def _keep(self, steps: "StepScheduler", on_loop: Callable[..., None]) -> None:
        """Check the clock and the job, again and again."""
        steps.start()
        try:
            self._plan.settle(steps)
            known: datetime | str | None = "not known"
            while not self._stopping.is_set():
                self._plan.mend(steps)
                seconds = steps.step()
                if (next_ := steps.next()) != known:
                    known, self._last_warning = next_, ""
                    on_loop(self._planned, next_)
                self._stopping.wait(POLL_SECONDS if seconds is None else min(POLL_SECONDS, seconds))
        finally:
            steps.shutdown()

    def _warn_once(self, line: str) -> None:
        if line != self._last_warning:
            log.warning(line)
        self._last_warning = line


class SchedulePlan:
    """The schedule of the config; `name` describes it, so that a changed plan is noticed."""

    def __init__(self, config: ScheduleConfig, zone: tzinfo) -> None:
        self.zone = zone
        self._make_up = config.make_up
        self._cron = config.cron
        self._interval = timedelta(hours=config.interval_hours)
        self._jitter = timedelta(minutes=config.jitter_minutes)
        when = f"every {self._interval}" if self._interval else self._cron
        self.name = f"{when}, up to {self._jitter} later, {zone}"

    def settle(self, steps: "StepScheduler") -> None:
        """Store the job as planned; one of the same plan keeps its time, also one that was missed."""
        job, now = steps.job(), datetime.now(self.zone)
        trigger = self._trigger(self._jitter)
        missed = job is not None and job.next_run_time is not None and job.next_run_time < now
        if trigger is None:
            if job is not None:
                steps.remove_job(JOB)
        elif job is None or job.name != self.name:
            next_ = now if missed and self._make_up else trigger.get_next_fire_time(None, now)
            once = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
            steps.add_job(retrain, trigger, id=JOB, name=self.name, next_run_time=next_, replace_existing=True, **once)
        elif missed and not self._make_up and job.next_run_time < now - MISFIRE_TIME:
            steps.modify_job(JOB, next_run_time=trigger.get_next_fire_time(None, now))

    def mend(self, steps: "StepScheduler") -> None:
        """Bring the job's time forward where the clock was set back and none so late was meant."""
        job, now = steps.job(), datetime.now(self.zone)
        plain = self._trigger(timedelta())
        if job is None or plain is None:
            return
        next_ = plain.get_next_fire_time(None, now)
        if job.next_run_time is None or job.next_run_time > next_ + self._jitter:
            steps.modify_job(JOB, next_run_time=next_)

    def _trigger(self, jitter: timedelta) -> Any:
        """Build APScheduler's trigger, None for never."""
        seconds = jitter.total_seconds() or None
        if self._interval:
            return IntervalTrigger(seconds=self._interval.total_seconds(), jitter=seconds, timezone=self.zone)
        if not self._cron:
            return None
        trigger = CronTrigger.from_crontab(self._cron, timezone=self.zone)
        trigger.jitter = seconds
        return trigger


class StepScheduler(BaseScheduler):  # type: ignore[misc]  # untyped
    """APScheduler, one step at a time, in the calling thread; `due` is called once the job's next time is stored."""

    def __init__(self, zone: tzinfo, engine: Any, due: Callable[[], None]) -> None:
        store = _JobStore(engine=engine)
        super().__init__(timezone=zone, jobstores={"default": store}, executors={"default": DebugExecutor()})
        self.add_listener(lambda _: due(), EVENT_JOB_SUBMITTED)

    def shutdown(self, wait: bool = True) -> None:
        """Close the store."""
        super().shutdown(wait)

    def wakeup(self) -> None:
        """Do nothing: nothing sleeps here."""

    def step(self) -> float | None:
        """Run the job if it is due; return the seconds until the next time, None for never."""
        seconds: float | None = self._process_jobs()
        return seconds

    def job(self) -> Any:
        """Return the stored job or None; APScheduler removes one that it cannot read."""
        return next((job for job in self.get_jobs() if job.id == JOB), None)

    def next(self) -> datetime | None:
        """Return when the job is due."""
        job = self.job()
        return job.next_run_time if job is not None else None


class _JobStore(SQLAlchemyJobStore):  # type: ignore[misc]  # untyped
    """APScheduler's store, which also reads a job whose function has moved since."""

    def _reconstitute_job(self, job_state: bytes) -> Any:
        state = pickle.loads(job_state)  # noqa: S301 (APScheduler's own form, in the owner's own database)
        if state.get("func") in FORMER_NAMES:
            job_state = pickle.dumps({**state, "func": f"{__name__}:{retrain.__name__}"})
        return super()._reconstitute_job(job_state)


def local_zone() -> tzinfo:
    """Return the local time zone by name, or else by its current offset."""
    try:
        return ZoneInfo(str(CronTrigger().timezone))
    except Exception:  # a machine without a usable zone still has a clock
        return datetime.now(UTC).astimezone().tzinfo or UTC
