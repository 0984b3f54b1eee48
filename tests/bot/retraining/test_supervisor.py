"""One retraining at a time, from its beginning to the owners, whatever becomes of its child (fake_child.py)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from bot.retraining.event_lines import read_event
from bot.retraining.notify import OwnerNotifier
from bot.retraining.supervisor import RetrainSupervisor, child_limits
from model.errors import DannError
from tests.bot.scripted_engine import Clock
from tests.bot.test_app import publish
from training.lock import training_lock
from training.store.retrain_outcome import RetrainOutcome, RetrainProgress
from training.store.runs import RetrainRun, open_runs

FAKE = "tests.bot.retraining.fake_child"


class SupervisorHarness:
    """A retraining whose child behaves as it is told, and an owner who reads the news."""

    def __init__(self, folder: Path, behaviour: str, **schedule: Any) -> None:
        self.settings = BotSettings.model_validate(
            {"data": {"dir": folder}, "bot": {"schedule": {"niceness": 0} | schedule}}
        )
        self.news = OwnerNotifier()
        self.lines: list[str] = []
        self.notices: list[tuple[str, str]] = []
        self.clock = Clock()
        self.retraining = RetrainSupervisor(self.settings, self.news, self.lines.append, (FAKE, behaviour), self.clock)

    async def notify(self, owner: str, text: str) -> None:
        self.notices.append((owner, text))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    async def over(self) -> None:
        await self.until(lambda: self.retraining.running is None)
        assert self.retraining._task is not None
        await self.retraining._task

    def rows(self) -> list[RetrainRun]:
        with open_runs(self.settings.data.store_url) as runs:
            return runs.last()


def run_scenario(harness: SupervisorHarness, act: Callable[[], Awaitable[None]]) -> None:
    async def scenario() -> None:
        with harness.news.attached("here", harness.notify, ["7"]):
            await act()
        await harness.retraining.stop(30.0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


def run_once(harness: SupervisorHarness, why: str = "by hand", *, force: bool = False) -> RetrainOutcome:
    async def act() -> None:
        harness.retraining.start(why, force=force)
        await harness.over()

    run_scenario(harness, act)
    assert harness.retraining.last is not None
    return harness.retraining.last


def test_the_verdict_and_its_figures_reach_the_owners(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "well")
    run_once(harness)
    verdict = "retraining: published two with 1,234 new posts, 2.250 bits per byte where one has 2.500"
    assert harness.notices == [("7", verdict)]
    assert harness.lines == ["retraining begins (by hand)", verdict]
    assert "last retraining: published two" in harness.retraining.about()


def test_a_refusal_has_its_reason(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "refused")
    run_once(harness, "scheduled")
    ((_, told),) = harness.notices
    assert told == (
        "retraining: refused, one stays with 12 new posts, 2.750 bits per byte where one has 2.500: 2.750 is above 2.525"
    )


def test_a_night_that_brought_nothing_new_is_no_news(tmp_path: Path) -> None:
    night, hand = SupervisorHarness(tmp_path, "skipped"), SupervisorHarness(tmp_path, "skipped")
    assert run_once(night, "scheduled").verdict == "skipped"
    assert night.notices == []
    assert run_once(hand, "by hand").verdict == "skipped"
    assert hand.notices == [("7", "retraining: nothing learned: 3 new posts, of at least 50")]


def test_why_and_force_are_handed_on(tmp_path: Path) -> None:
    asked = ["retrain", "--config", "/dev/null", "--quiet", "--events", "--why"]
    assert (
        f'"arguments": {asked_for(asked, "by hand")}' in run_once(SupervisorHarness(tmp_path, "tells_of_itself")).reason
    )
    told = run_once(SupervisorHarness(tmp_path, "tells_of_itself"), "scheduled", force=True).reason
    assert f'"arguments": {asked_for(asked, "scheduled", "--force")}' in told


def asked_for(asked: list[str], *more: str) -> str:
    return str([*asked, *more]).replace("'", '"')


def test_a_second_is_refused_kindly_and_the_schedule_lets_it_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dann")
    harness = SupervisorHarness(tmp_path, "hang")

    async def act() -> None:
        harness.retraining.start("by hand")
        await harness.until(lambda: harness.retraining.running and harness.retraining.running.progress.share)
        harness.clock.now = 300
        with pytest.raises(DannError, match=r"one runs already: learning, 50%, 2\.500 bits per byte, for 5 min"):
            harness.retraining.start("by hand")
        harness.retraining.start_scheduled()
        assert harness.retraining.about().startswith("retraining: learning, 50%, 2.500 bits per byte, for 5 min\n")

    run_scenario(harness, act)
    assert "retraining was due, but one runs already" in caplog.text
    assert len([line for line in harness.lines if "begins" in line]) == 1


def test_one_after_the_other_is_welcome(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "well")

    async def act() -> None:
        for _ in range(2):
            harness.retraining.start("by hand")
            await harness.over()

    run_scenario(harness, act)
    assert len(harness.notices) == 2


@pytest.mark.parametrize("behaviour", ["crash", "silent", "abort"])
def test_what_the_child_cannot_record_is_recorded_for_it(tmp_path: Path, behaviour: str) -> None:
    harness = SupervisorHarness(tmp_path, behaviour)
    ending = run_once(harness, "scheduled")
    (row,) = harness.rows()
    assert (row.why, row.verdict, row.reason) == ("scheduled", "failed", ending.reason)
    assert row.id == ending.run
    assert harness.notices == [("7", f"retraining: failed, what served stays: {ending.reason}")]


@pytest.mark.parametrize("behaviour", ["killed", "killed_before_it_told"])
def test_a_row_that_a_killed_child_left_open_is_closed_with_the_reason(tmp_path: Path, behaviour: str) -> None:
    harness = SupervisorHarness(tmp_path, behaviour)
    ending = run_once(harness)
    assert ending.reason == "it was ended by SIGKILL; the machine may have run out of memory"
    assert [(row.verdict, row.reason) for row in harness.rows()] == [("failed", ending.reason)]


@pytest.mark.parametrize("behaviour", ["crash", "killed", "killed_after_its_verdict"])
def test_every_one_has_its_row_however_fast_they_come(tmp_path: Path, behaviour: str) -> None:
    harness = SupervisorHarness(tmp_path, behaviour)

    async def act() -> None:
        for number in range(1, 4):
            harness.retraining.start("by hand")
            await harness.over()
            assert harness.retraining.last
            assert harness.retraining.last.run == number

    run_scenario(harness, act)
    assert len(harness.rows()) == 3


def test_one_that_was_killed_after_publishing_has_published(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "killed_after_publishing")
    publish(tmp_path, "one")
    assert run_once(harness).verdict == "published"
    assert [row.verdict for row in harness.rows()] == ["published"]


def test_one_that_was_killed_after_its_verdict_keeps_it(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "killed_after_its_verdict")
    ending = run_once(harness)
    assert (ending.verdict, ending.reason, ending.candidate) == ("refused", "it is worse", "two")
    assert len(harness.rows()) == 1


def test_where_another_trains_nothing_is_recorded_over_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    harness = SupervisorHarness(tmp_path, "unwilling")
    with open_runs(harness.settings.data.store_url) as runs:
        runs.begin("by hand")
    with training_lock(tmp_path / "train.lock"):
        run_once(harness)
    assert [row.verdict for row in harness.rows()] == ["running"]
    assert "is not in the store" in caplog.text


def test_the_next_start_closes_what_a_killed_parent_left(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "well")
    with open_runs(harness.settings.data.store_url) as runs:
        runs.begin("scheduled")
    run_scenario(harness, harness.retraining.load_last_outcome)
    assert harness.retraining.last == RetrainOutcome("failed", "interrupted", run=1)
    assert [row.verdict for row in harness.rows()] == ["failed"]
    assert harness.notices == []


def test_a_first_start_has_nothing_to_recall_nor_has_one_while_another_trains(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "well")
    run_scenario(harness, harness.retraining.load_last_outcome)
    assert harness.retraining.last is None
    with training_lock(tmp_path / "train.lock"):
        run_scenario(harness, harness.retraining.load_last_outcome)
    assert harness.retraining.about() == "no retraining is scheduled"


def test_stopping_ends_the_child_and_begins_none(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "deaf")

    async def act() -> None:
        harness.retraining.start("scheduled")
        await harness.until(lambda: harness.retraining.running and harness.retraining.running.progress.share)
        await harness.retraining.stop(0.2)
        assert harness.retraining.running is None
        with pytest.raises(DannError, match="dann is stopping"):
            harness.retraining.start("by hand")

    run_scenario(harness, act)
    assert harness.notices == []


@pytest.mark.parametrize("turns", range(0, 40, 4))
def test_stopping_at_any_moment_of_the_start_leaves_nothing(tmp_path: Path, turns: int) -> None:
    harness = SupervisorHarness(tmp_path, "deaf")

    async def act() -> None:
        harness.retraining.start("scheduled")
        for _ in range(turns):
            await asyncio.sleep(0)
        await harness.retraining.stop(0.0)
        assert harness.retraining.running is None or turns == 0

    run_scenario(harness, act)


def test_its_parts_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dann")
    run_once(SupervisorHarness(tmp_path, "well"))
    assert "retraining: reading, 50%, for 0 min" in caplog.messages
    assert "retraining: learning, 25%, 2.500 bits per byte, for 0 min" in caplog.messages


def test_the_next_time_is_told(tmp_path: Path) -> None:
    harness = SupervisorHarness(tmp_path, "well")
    moment = datetime(2026, 3, 1, 4, 7, tzinfo=UTC)
    harness.retraining.set_next(moment)
    assert harness.retraining.about() == f"next retraining {moment.astimezone():%Y-%m-%d %H:%M}"


def test_limits_are_those_of_the_config(tmp_path: Path) -> None:
    settings = SupervisorHarness(tmp_path, "well", niceness=3, threads=1, extra_minutes=5, memory_mb=10).settings
    allowed = child_limits(settings)
    assert (allowed.niceness, allowed.cores, allowed.memory_bytes) == (3, 1, 10_000_000)
    assert allowed.seconds == (settings.retrain.minutes + 5) * 60


def test_an_owner_who_cannot_be_reached_is_told_of_once_and_keeps_nobody_from_the_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str] = []

    async def tell(owner: str, text: str) -> None:
        if owner == "1" and text != "three":
            raise DannError("blocked")
        told.append(f"{owner}: {text}")

    async def scenario() -> None:
        news = OwnerNotifier()
        await news.tell("to nobody")
        with news.attached("there", tell, ["1", "2"]):
            for text in ("one", "two", "three", "four"):
                await news.tell(text)
        await news.tell("to nobody")

    asyncio.run(scenario())
    assert told == ["2: one", "2: two", "1: three", "2: three", "2: four"]
    assert caplog.messages == ["owner 1 cannot be told on there (blocked); this is said once"] * 2


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[]", b"7", b'"progress"', b"{}", b'{"event": "progress"}', b'{"event": "progress", "part": 3}',
        b'{"event": "verdict"}', b'{"event": "verdict", "verdict": ["published"]}', b"\xff", b"[" * 50_000,
        b'{"event": "verdict", "verdict": "running"}',
    ],
)  # fmt: skip
def test_what_is_no_event_tells_nothing(line: bytes) -> None:
    assert read_event(line) is None


def test_figures_that_are_none_are_not_known() -> None:
    line = b'{"event": "verdict", "verdict": "failed", "reason": 3, "candidate": "", "candidate_bpb": NaN, "run": true}'
    assert read_event(line) == RetrainOutcome("failed")
    assert read_event(
        b'{"event": "progress", "part": "learning", "share": "x", "val_bpb": Infinity}'
    ) == RetrainProgress("learning")
    assert read_event(b'{"event": "progress", "part": "learning", "share": 1' + b"0" * 400 + b"}") == RetrainProgress(
        "learning"
    )
