"""The schedule, with the real APScheduler and a real database: what is stored counts, and nothing that was missed is lost."""

import asyncio
import logging
import pickle
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.config import BotSettings
from bot.retraining import scheduler
from bot.retraining.scheduler import JOB, RetrainSchedule, StepScheduler, local_zone
from training.store.database import open_database
from training.store.posts import open_store

DAY = timedelta(days=1)
LONG = 60.0
"""Seconds that nothing here takes, on however slow a machine."""


class SchedulerHarness:
    """A data folder, and a schedule over it that is started as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.due: list[datetime] = []
        self.plans: list[datetime | None] = []

    def settings(self, **schedule: Any) -> BotSettings:
        return BotSettings.model_validate(
            {"data": {"dir": self.folder}, "bot": {"schedule": {"jitter_minutes": 0} | schedule}}
        )

    @asynccontextmanager
    async def running(self, **schedule: Any) -> AsyncIterator[None]:
        """A process, as it were, that schedules."""
        one = RetrainSchedule(self.settings(**schedule), lambda: self.due.append(datetime.now(UTC)), self.plans.append)
        running = asyncio.create_task(one.run())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(LONG):
            while not condition():
                await asyncio.sleep(0.01)

    async def planned(self, **schedule: Any) -> datetime | None:
        """Start, see what is planned, and stop."""
        self.plans.clear()
        async with self.running(**schedule):
            await self.until(lambda: self.plans)
        return self.plans[-1]

    @contextmanager
    def store(self) -> Any:
        """The store as another process sees it that does nothing yet."""
        with open_database(self.settings().data.store_url) as engine:
            steps = StepScheduler(UTC, engine, lambda: None)
            steps.start()
            try:
                yield steps
            finally:
                steps.shutdown()

    def put_off(self, by: timedelta) -> datetime:
        """Move the stored time as seen from now: what the clock's being set does, the other way round."""
        with self.store() as steps:
            next_: datetime = steps.next() + by
            steps.modify_job(JOB, next_run_time=next_)
        return next_

    def lock(self) -> Any:
        return closing(sqlite3.connect(self.folder / "posts.db", isolation_level=None))


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    return SchedulerHarness(tmp_path)


def run_scenario(test: Callable[[], Any]) -> None:
    asyncio.run(test())


def soon(moment: datetime | None, within: timedelta = DAY) -> bool:
    now = datetime.now(UTC)
    return moment is not None and now - timedelta(minutes=1) < moment <= now + within


@pytest.mark.parametrize("former", sorted(scheduler.FORMER_NAMES))
def test_a_job_that_an_earlier_version_stored_keeps_its_time(harness: SchedulerHarness, former: str) -> None:
    """If this fails, everybody who updates loses the night that was planned, and one that was missed is not made up."""

    async def scenario() -> None:
        await harness.planned(interval_hours=24)
        moment = harness.put_off(-DAY / 2)
        with closing(sqlite3.connect(harness.folder / "posts.db")) as database, database:
            ((state,),) = database.execute("SELECT job_state FROM apscheduler_jobs")
            kept = pickle.loads(state)
            assert kept["func"] not in scheduler.FORMER_NAMES
            database.execute("UPDATE apscheduler_jobs SET job_state = ?", (pickle.dumps({**kept, "func": former}),))
        assert await harness.planned(interval_hours=24) == moment

    run_scenario(scenario)


def test_a_first_start_plans_the_next_night_beside_the_posts(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        planned = await harness.planned(cron="0 4 * * *")
        assert soon(planned)
        assert planned is not None
        assert (planned.astimezone(local_zone()).hour, planned.minute, harness.due) == (4, 0, [])

    run_scenario(scenario)
    with open_store(harness.settings().data.store_url) as posts:
        assert posts.summary().mine == 0
    with harness.store() as steps:
        (job,) = steps.get_jobs()
        assert (job.id, job.coalesce, job.max_instances, job.misfire_grace_time) == (JOB, True, 1, None)
        assert job.func_ref == "bot.retraining.scheduler:retrain"  # after a move, the old one goes into FORMER_NAMES


def test_jitter_puts_it_off_by_chance(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        planned = [await harness.planned(cron="0 4 * * *", jitter_minutes=minutes) for minutes in (59.0, 58.0, 57.0)]
        local = [moment.astimezone(local_zone()) for moment in planned if moment]
        assert [moment.hour for moment in local] == [4, 4, 4]
        assert len({moment.minute * 60 + moment.second for moment in local}) > 1

    run_scenario(scenario)


def test_a_missed_time_is_made_up_for_once(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        await harness.planned()
        harness.put_off(-3 * DAY)
        async with harness.running():
            await harness.until(lambda: harness.due)
            await harness.until(lambda: soon(harness.plans[-1]))
        assert soon(await harness.planned())
        assert len(harness.due) == 1

    run_scenario(scenario)


def test_what_was_missed_is_left_out_where_the_config_says_so(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        await harness.planned(make_up=False)
        harness.put_off(-3 * DAY)
        assert soon(await harness.planned(make_up=False))
        assert harness.due == []

    run_scenario(scenario)


def test_an_unchanged_schedule_keeps_its_time_and_another_has_its_own(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        first = await harness.planned(cron="0 4 * * *", jitter_minutes=30)
        assert await harness.planned(cron="0 4 * * *", jitter_minutes=30) == first
        second = await harness.planned(cron="30 5 * * *", jitter_minutes=0)
        assert second is not None
        assert (second.astimezone(local_zone()).hour, second.minute) == (5, 30)
        third = await harness.planned(interval_hours=2)
        assert soon(third, timedelta(hours=2))
        assert await harness.planned(interval_hours=2) == third
        assert harness.due == []

    run_scenario(scenario)


def test_what_was_missed_is_made_up_for_also_where_the_schedule_changed(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        await harness.planned(cron="0 4 * * *")
        harness.put_off(-2 * DAY)
        async with harness.running(cron="30 5 * * *"):
            await harness.until(lambda: harness.due)

    run_scenario(scenario)


def test_never_is_never_and_takes_the_job_out(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        await harness.planned()
        harness.put_off(-2 * DAY)
        assert await harness.planned(cron="") is None
        with harness.store() as steps:
            assert steps.get_jobs() == []
        assert soon(await harness.planned())
        assert harness.due == []

    run_scenario(scenario)


def test_an_interval_comes_again_and_again(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        async with harness.running(interval_hours=0.3 / 3600):
            await harness.until(lambda: len(harness.due) >= 3)

    run_scenario(scenario)


def test_the_clock_set_back_by_a_day_loses_nothing(harness: SchedulerHarness) -> None:
    """To a clock that was set back, the stored time lies a day too far ahead."""

    async def scenario() -> None:
        for schedule in ({"cron": "0 4 * * *"}, {"interval_hours": 24.0}):
            planned = await harness.planned(**schedule)
            harness.put_off(DAY)
            again = await harness.planned(**schedule)
            assert planned is not None
            assert again is not None
            assert abs(again - planned) < timedelta(hours=1)
        assert harness.due == []

    run_scenario(scenario)


def test_the_clock_set_forward_by_a_day_loses_nothing_also_while_it_runs(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "POLL_SECONDS", 0.05)

    async def scenario() -> None:
        async with harness.running():
            await harness.until(lambda: harness.plans)
            harness.put_off(-DAY)
            await harness.until(lambda: harness.due)
            await harness.until(lambda: soon(harness.plans[-1]))
        assert len(harness.due) == 1

    run_scenario(scenario)


def test_a_locked_database_holds_up_nobody_and_is_waited_for(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        await harness.planned()
        harness.put_off(-DAY)
        harness.plans.clear()
        with harness.lock() as other:
            other.execute("BEGIN EXCLUSIVE")
            async with harness.running():
                for _ in range(50):  # the loop goes on turning
                    await asyncio.sleep(0.01)
                assert (harness.due, harness.plans) == ([], [])
                other.execute("ROLLBACK")
                await harness.until(lambda: harness.due)

    run_scenario(scenario)


def test_leaving_does_not_wait_for_a_locked_database(harness: SchedulerHarness) -> None:
    async def scenario() -> None:
        await harness.planned()
        harness.put_off(-DAY)
        with harness.lock() as other:
            other.execute("BEGIN EXCLUSIVE")
            async with harness.running():
                await asyncio.sleep(0.2)
            other.execute("ROLLBACK")
        assert harness.due == []

    run_scenario(scenario)


def test_a_database_that_cannot_be_used_is_told_of_once_and_tried_again(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scheduler, "RETRY_SECONDS", 0.02)
    harness.folder.mkdir(exist_ok=True)
    store = harness.folder / "posts.db"
    store.write_bytes(b"this is no database" * 100)

    async def scenario() -> None:
        async with harness.running():
            await harness.until(lambda: "no schedule for now" in caplog.text)
            await asyncio.sleep(0.2)
            store.unlink()
            await harness.until(lambda: harness.plans)

    run_scenario(scenario)
    assert caplog.text.count("no schedule for now, answers go on") == 1


def test_a_folder_that_is_none_is_told_of_too(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scheduler, "RETRY_SECONDS", 0.02)
    harness.folder = harness.folder / "data"
    harness.folder.write_text("a file")

    async def scenario() -> None:
        async with harness.running():
            await harness.until(lambda: "no schedule for now" in caplog.text)
            harness.folder.unlink()
            await harness.until(lambda: harness.plans)

    run_scenario(scenario)


def test_of_two_processes_one_schedules_and_the_other_takes_over(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scheduler, "RETRY_SECONDS", 0.02)
    second = SchedulerHarness(harness.folder)

    async def scenario() -> None:
        async with harness.running():
            await harness.until(lambda: harness.plans)
            async with second.running():
                await second.until(lambda: "another dann schedules here" in caplog.text)
                await asyncio.sleep(0.2)
                assert second.plans == []
        async with second.running():
            await second.until(lambda: second.plans)
        assert second.plans == harness.plans

    run_scenario(scenario)
    assert caplog.text.count("another dann schedules here (process ") == 1


def test_a_stored_job_that_makes_no_sense_is_replaced(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "apscheduler")

    async def scenario() -> None:
        await harness.planned()
        with harness.lock() as other:
            assert other.execute("UPDATE apscheduler_jobs SET job_state = x'00'").rowcount == 1
        assert soon(await harness.planned())

    run_scenario(scenario)


def test_a_zone_without_a_name_can_be_stored_all_the_same(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where /etc/localtime is a file of its own, in many a container."""
    zone = Path("/usr/share/zoneinfo/UTC")
    if not zone.exists():
        pytest.skip("this machine has no files of zones")
    with zone.open("rb") as file:
        nameless = ZoneInfo.from_file(file, key="local")
    monkeypatch.setattr("apscheduler.triggers.cron.get_localzone", lambda: nameless)

    async def scenario() -> None:
        assert soon(await harness.planned())

    run_scenario(scenario)
