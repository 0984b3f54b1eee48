"""What may become of a retraining while dann answers: whatever does, what served before goes on, and the row says why."""

import asyncio
from pathlib import Path

import pytest

from model.checkpoints import checkpoint
from tests.bot.retraining.faulty_retraining import FAULTY, SETS, accepted, add_posts, retrained
from tests.bot.serving.test_reload_in_serve import SELDOM, room

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


def test_what_is_no_good_is_not_published_and_what_is_good_answers_next(tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"

    async def scenario() -> None:
        add_posts(tmp_path)
        async with room(tmp_path, *SETS, code=FAULTY) as there:
            there.between = SELDOM
            await there.comes("one")
            spoiled = await retrained(there, tmp_path, "nan")
            assert (spoiled.verdict, checkpoint.current(root)) == ("refused", "one"), spoiled.reason
            assert "not all finite numbers" in spoiled.reason
            full = await retrained(there, tmp_path, "full")
            assert (full.verdict, full.candidate, checkpoint.current(root)) == ("failed", None, "one"), full.reason
            assert "no room left to save it" in full.reason
            await there.comes("one")
            good = await retrained(there, tmp_path)
            assert (good.verdict, checkpoint.current(root)) == ("published", good.candidate), good.reason
            assert good.candidate
            await there.comes(good.candidate)
            worse = await retrained(there, tmp_path, "worse")
            assert (worse.verdict, checkpoint.current(root)) == ("refused", good.candidate), worse.reason
            assert "it knows held-out posts worse" in worse.reason
            await there.comes(good.candidate)
            accepted(tmp_path)

    asyncio.run(scenario())


def test_one_that_hangs_or_takes_all_memory_is_ended(tmp_path: Path) -> None:
    caps = ("retrain.minutes=0.02", "bot.schedule.extra_minutes=0.1", "bot.schedule.memory_mb=400")

    async def scenario() -> None:
        async with room(tmp_path, *caps, code=FAULTY) as there:
            there.between = SELDOM
            hungry = await retrained(there, tmp_path, "hungry")
            assert hungry.verdict == "failed"
            assert "bot.schedule.memory_mb allows 400" in hungry.reason
            hanging = await retrained(there, tmp_path, "hang")
            assert hanging.verdict == "failed"
            assert "it was not done after" in hanging.reason
            await there.comes("one")
            accepted(tmp_path)

    asyncio.run(scenario())
