"""The child as it is: training itself, begun by the process that answers."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.config import BotSettings
from bot.retraining.notify import OwnerNotifier
from bot.retraining.supervisor import MODULE, RetrainSupervisor
from model.checkpoints import checkpoint
from tests.training.small_runs import demo, small_settings
from training.lock import training_lock
from training.store.posts import open_store
from training.store.retrain_outcome import RetrainOutcome
from training.store.runs import open_runs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]
WHOLE = ("tests.bot.retraining.faulty_child",)
"""Training itself, without any fault, and with programs of one width."""


def settings(folder: Path) -> BotSettings:
    """What tests of training train with, and posts to learn from."""
    small = small_settings(folder, steps=200)  # fewer, and the gate says that it has learned nothing
    tables = {name: getattr(small, name) for name in type(small).model_fields}
    tables |= {"retrain": {"samples": 20, "minutes": 1.0}, "bot": {"schedule": {"niceness": 0}}}
    made = BotSettings.model_validate(tables)
    with open_store(made.data.store_url) as store, store.writing() as writer:
        writer.add(demo())
    return made


def run(made: BotSettings, module: Sequence[str] = MODULE, *, force: bool = False) -> RetrainOutcome:
    async def scenario() -> RetrainOutcome:
        retraining = RetrainSupervisor(made, OwnerNotifier(), lambda _: None, module=module)
        retraining.start("scheduled", force=force)
        async with asyncio.timeout(300):
            while retraining.running is not None:
                await asyncio.sleep(0.05)
        assert retraining.last is not None
        return retraining.last

    return asyncio.run(scenario())


def test_it_learns_from_the_posts_and_publishes_and_then_there_is_nothing_new(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dann")
    made = settings(tmp_path)
    first = run(made, WHOLE)
    assert first.verdict == "published", first.reason
    assert first.candidate == checkpoint.current(made.data.checkpoints)
    assert first.candidate_bpb is not None
    for part in ("reading", "learning", "judging", "publishing"):
        assert any(message.startswith(f"retraining: {part}, ") for message in caplog.messages), part
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    second = run(made)
    assert (second.verdict, second.new_posts) == ("skipped", 0)
    with open_runs(made.data.store_url) as runs:
        assert [(row.id, row.why, row.verdict) for row in runs.last()] == [
            (first.run, "scheduled", "published"),
            (second.run, "scheduled", "skipped"),
        ]


def test_while_another_trains_it_fails_with_that_reason_and_records_nothing(tmp_path: Path) -> None:
    made = settings(tmp_path)
    with training_lock(tmp_path / "train.lock"):
        ending = run(made)
    assert ending.verdict == "failed"
    assert "a training is already running here (process " in ending.reason
    with open_runs(made.data.store_url) as runs:
        assert runs.last() == []
