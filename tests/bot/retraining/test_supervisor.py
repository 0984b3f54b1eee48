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


class Scene:
    """A retraining whose child behaves as it is told, and an owner who reads the news."""

    def __init__(self, folder: Path, behaviour: str, **schedule: Any) -> None:
        self.settings = BotSettings.model_validate({"data": {"dir": folder}, "bot": {"schedule": schedule}})
        self.news = OwnerNotifier()
        self.told: list[str] = []
        self.on_message: list[tuple[str, str]] = []
        self.clock = Clock()
        self.retraining = RetrainSupervisor(self.settings, self.news, self.told.append, (FAKE, behaviour), self.clock)

    async def hear(self, owner: str, text: str) -> None:
        self.on_message.append((owner, text))

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


def played(scene: Scene, act: Callable[[], Awaitable[None]]) -> None:
    async def play() -> None:
        with scene.news.attached("here", scene.hear, ["7"]):
            await act()
        await scene.retraining.stop(30.0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(play())


def run_once(scene: Scene, why: str = "by hand", *, force: bool = False) -> RetrainOutcome:
    async def act() -> None:
        scene.retraining.start(why, force=force)
        await scene.over()

    played(scene, act)
    assert scene.retraining.last is not None
    return scene.retraining.last


def test_the_verdict_and_its_figures_reach_the_owners(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "well")
    run_once(scene)
    verdict = "retraining: published two with 1,234 new posts, 2.250 bits per byte where one has 2.500"
    assert scene.on_message == [("7", verdict)]
    assert scene.told == ["retraining begins (by hand)", verdict]
    assert "last retraining: published two" in scene.retraining.about()


def test_a_refusal_has_its_reason(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "refused")
    run_once(scene, "scheduled")
    ((_, told),) = scene.on_message
    assert told == (
        "retraining: refused, one stays with 12 new posts, 2.750 bits per byte where one has 2.500: 2.750 is above 2.525"
    )


def test_a_night_that_brought_nothing_new_is_no_news(tmp_path: Path) -> None:
    night, hand = Scene(tmp_path, "skipped"), Scene(tmp_path, "skipped")
    assert run_once(night, "scheduled").verdict == "skipped"
    assert night.on_message == []
    assert run_once(hand, "by hand").verdict == "skipped"
    assert hand.on_message == [("7", "retraining: nothing learned: 3 new posts, of at least 50")]


def test_why_and_force_are_handed_on(tmp_path: Path) -> None:
    asked = ["retrain", "--config", "/dev/null", "--quiet", "--events", "--why"]
    assert f'"arguments": {asked_for(asked, "by hand")}' in run_once(Scene(tmp_path, "tells_of_itself")).reason
    told = run_once(Scene(tmp_path, "tells_of_itself"), "scheduled", force=True).reason
    assert f'"arguments": {asked_for(asked, "scheduled", "--force")}' in told


def asked_for(asked: list[str], *more: str) -> str:
    return str([*asked, *more]).replace("'", '"')


def test_a_second_is_refused_kindly_and_the_schedule_lets_it_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dann")
    scene = Scene(tmp_path, "hang")

    async def act() -> None:
        scene.retraining.start("by hand")
        await scene.until(lambda: scene.retraining.running and scene.retraining.running.progress.share)
        scene.clock.now = 300
        with pytest.raises(DannError, match=r"one runs already: learning, 50%, 2\.500 bits per byte, for 5 min"):
            scene.retraining.start("by hand")
        scene.retraining.start_scheduled()
        assert scene.retraining.about().startswith("retraining: learning, 50%, 2.500 bits per byte, for 5 min\n")

    played(scene, act)
    assert "retraining was due, but one runs already" in caplog.text
    assert len([line for line in scene.told if "begins" in line]) == 1


def test_one_after_the_other_is_welcome(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "well")

    async def act() -> None:
        for _ in range(2):
            scene.retraining.start("by hand")
            await scene.over()

    played(scene, act)
    assert len(scene.on_message) == 2


@pytest.mark.parametrize("behaviour", ["crash", "silent", "abort"])
def test_what_the_child_cannot_record_is_recorded_for_it(tmp_path: Path, behaviour: str) -> None:
    scene = Scene(tmp_path, behaviour)
    ending = run_once(scene, "scheduled")
    (row,) = scene.rows()
    assert (row.why, row.verdict, row.reason) == ("scheduled", "failed", ending.reason)
    assert row.id == ending.run
    assert scene.on_message == [("7", f"retraining: failed, what served stays: {ending.reason}")]


@pytest.mark.parametrize("behaviour", ["killed", "killed_before_it_told"])
def test_a_row_that_a_killed_child_left_open_is_closed_with_the_reason(tmp_path: Path, behaviour: str) -> None:
    scene = Scene(tmp_path, behaviour)
    ending = run_once(scene)
    assert ending.reason == "it was ended by SIGKILL; the machine may have run out of memory"
    assert [(row.verdict, row.reason) for row in scene.rows()] == [("failed", ending.reason)]


@pytest.mark.parametrize("behaviour", ["crash", "killed", "killed_after_its_verdict"])
def test_every_one_has_its_row_however_fast_they_come(tmp_path: Path, behaviour: str) -> None:
    scene = Scene(tmp_path, behaviour)

    async def act() -> None:
        for number in range(1, 4):
            scene.retraining.start("by hand")
            await scene.over()
            assert scene.retraining.last
            assert scene.retraining.last.run == number

    played(scene, act)
    assert len(scene.rows()) == 3


def test_one_that_was_killed_after_publishing_has_published(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "killed_after_publishing")
    publish(tmp_path, "one")
    assert run_once(scene).verdict == "published"
    assert [row.verdict for row in scene.rows()] == ["published"]


def test_one_that_was_killed_after_its_verdict_keeps_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "killed_after_its_verdict")
    ending = run_once(scene)
    assert (ending.verdict, ending.reason, ending.candidate) == ("refused", "it is worse", "two")
    assert len(scene.rows()) == 1


def test_where_another_trains_nothing_is_recorded_over_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(tmp_path, "unwilling")
    with open_runs(scene.settings.data.store_url) as runs:
        runs.begin("by hand")
    with training_lock(tmp_path / "train.lock"):
        run_once(scene)
    assert [row.verdict for row in scene.rows()] == ["running"]
    assert "is not in the store" in caplog.text


def test_the_next_start_closes_what_a_killed_parent_left(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "well")
    with open_runs(scene.settings.data.store_url) as runs:
        runs.begin("scheduled")
    played(scene, scene.retraining.load_last_outcome)
    assert scene.retraining.last == RetrainOutcome("failed", "interrupted", run=1)
    assert [row.verdict for row in scene.rows()] == ["failed"]
    assert scene.on_message == []


def test_a_first_start_has_nothing_to_recall_nor_has_one_while_another_trains(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "well")
    played(scene, scene.retraining.load_last_outcome)
    assert scene.retraining.last is None
    with training_lock(tmp_path / "train.lock"):
        played(scene, scene.retraining.load_last_outcome)
    assert scene.retraining.about() == "no retraining is scheduled"


def test_stopping_ends_the_child_and_begins_none(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "deaf")

    async def act() -> None:
        scene.retraining.start("scheduled")
        await scene.until(lambda: scene.retraining.running and scene.retraining.running.progress.share)
        await scene.retraining.stop(0.2)
        assert scene.retraining.running is None
        with pytest.raises(DannError, match="dann is stopping"):
            scene.retraining.start("by hand")

    played(scene, act)
    assert scene.on_message == []


@pytest.mark.parametrize("turns", range(0, 40, 4))
def test_stopping_at_any_moment_of_the_start_leaves_nothing(tmp_path: Path, turns: int) -> None:
    scene = Scene(tmp_path, "deaf")

    async def act() -> None:
        scene.retraining.start("scheduled")
        for _ in range(turns):
            await asyncio.sleep(0)
        await scene.retraining.stop(0.0)
        assert scene.retraining.running is None or turns == 0

    played(scene, act)


def test_its_parts_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dann")
    run_once(Scene(tmp_path, "well"))
    assert "retraining: reading, 50%, for 0 min" in caplog.messages
    assert "retraining: learning, 25%, 2.500 bits per byte, for 0 min" in caplog.messages


def test_the_next_time_is_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "well")
    moment = datetime(2026, 3, 1, 4, 7, tzinfo=UTC)
    scene.retraining.set_next(moment)
    assert scene.retraining.about() == f"next retraining {moment.astimezone():%Y-%m-%d %H:%M}"


def test_limits_are_those_of_the_config(tmp_path: Path) -> None:
    settings = Scene(tmp_path, "well", niceness=3, threads=1, extra_minutes=5, memory_mb=10).settings
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

    async def play() -> None:
        news = OwnerNotifier()
        await news.tell("to nobody")
        with news.attached("there", tell, ["1", "2"]):
            for text in ("one", "two", "three", "four"):
                await news.tell(text)
        await news.tell("to nobody")

    asyncio.run(play())
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
