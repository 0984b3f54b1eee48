"""kill -9 of who retrains, and of who answers meanwhile, at random moments of learning, saving and publishing.

A few of them, or as many as DANN_KILLS says (`make soak`: 24 each); they are others every time, and are told where one fails.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import ASIDE
from tests.bot.retraining.faulty_retraining import FAULTY, LONG, SETS, accepted, add_posts, begin, retrained, rows
from tests.bot.retraining.test_child import children, gone
from tests.bot.serving.test_reload_in_serve import BETWEEN, SELDOM, Room, house, room
from tests.bot.test_app import publish

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]
KILLS = int(os.environ.get("DANN_KILLS", "0"))
PARTS = ("publishing", "saving", "learning", "publishing")
MOST = {"learning": 40, "saving": 25, "publishing": 30}
"""Of faulty_child's N: about so many operations are left from there to the end, or to the judging."""


def moments(count: int) -> list[str]:
    """Some of each part."""
    parts = [PARTS[number % len(PARTS)] for number in range(count)]
    return [f"{part} {random.randint(1, MOST[part])}" for part in parts]


def test_the_child_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    async def scenario() -> None:
        add_posts(tmp_path)
        async with room(tmp_path, *SETS, code=FAULTY) as there:
            there.between = SELDOM
            before = "one"
            for moment in moments(KILLS or 3):
                row = await retrained(there, tmp_path, f"kill {moment}")
                serves = checkpoint.current(tmp_path / "checkpoints")
                assert serves == (row.candidate if row.verdict == "published" else before), (moment, row)
                assert row.verdict in {"published", "failed"}, (moment, row)
                assert serves
                before = serves
                accepted(tmp_path)
                await there.comes(serves)
            last = await retrained(there, tmp_path)
            assert last.verdict == "published", last.reason
            assert last.candidate
            await there.comes(last.candidate)
            accepted(tmp_path)
        left = {path.name for path in (tmp_path / "checkpoints").iterdir()}
        assert last.candidate in left
        assert not {name for name in left if name.startswith(ASIDE)}

    asyncio.run(scenario())


def test_the_one_that_answers_may_be_killed_at_any_moment_and_the_next_serves(tmp_path: Path) -> None:
    """Its child goes with it. What was asked while nobody listened is no mention; none before is answered twice."""

    async def killed(there: Room, moment: str) -> None:
        """Kill it when its child has come there, or to its end if that is earlier."""
        before = len(rows(tmp_path))
        await begin(there, tmp_path, f"pause {moment}")
        async with asyncio.timeout(LONG):
            while not (tmp_path / "reached").exists():
                if len(rows(tmp_path)) > before and rows(tmp_path)[-1].verdict != "running":
                    break
                await asyncio.sleep(0.05)
            found = children(there.dann.process.pid)
            there.quiet.set()
            for _ in range(3):  # whose answers are on their way
                there.mention()
            await asyncio.sleep(random.random() * BETWEEN)
            there.dann.process.kill()
            assert await there.dann.ends(60.0) == -9
            while not all(gone(pid) for pid in found):
                await asyncio.sleep(0.05)

    async def scenario() -> None:
        publish(tmp_path)
        add_posts(tmp_path)
        earlier = []
        async with house() as home:
            for moment in moments(KILLS or 2):
                async with home.answered(tmp_path, *SETS, code=FAULTY) as there:
                    there.between = SELDOM
                    await there.comes(checkpoint.current(tmp_path / "checkpoints") or "")
                    await killed(there, moment)
                earlier += there.asked
                accepted(tmp_path, running=sum(row.verdict == "running" for row in rows(tmp_path)))
                assert sum(row.verdict == "running" for row in rows(tmp_path)) <= 1, moment
            async with home.answered(tmp_path, *SETS, code=FAULTY) as there:
                await there.comes(checkpoint.current(tmp_path / "checkpoints") or "")
                last = await retrained(there, tmp_path)
                assert last.verdict == "published", last.reason
                accepted(tmp_path)
                there.quiet.set()
                await there.all_answered_once()
            answers = [len(home.server.simulation.replies_to(one)) for one in earlier]
            assert set(answers) <= {0, 1}
        assert {row.verdict for row in rows(tmp_path)} <= {"failed", "published"}

    asyncio.run(scenario())
