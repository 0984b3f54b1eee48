"""The chats' loads run against `dann serve`, and a process that does not start is reported; nothing here is timed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.bench.chat import answering, serve_process, soak
from tests.bench.rounds.children import Quartiles
from tests.bot.test_app import publish

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


def test_the_chats_loads_run_against_dann_itself(tmp_path: Path) -> None:
    """A small network, a few mentions: everything that the table needs is measured, and nothing is lost."""
    publish(tmp_path)

    async def play() -> dict[str, Any]:
        async with serve_process.serving(tmp_path, "sample.max_tokens=4", "bot.slots=4") as served:
            await served.connected(served.discord, served.telegram)
            found = await answering.loads(served, 0.01)
            found |= await answering.endurance(served, 20.0, 1.2)
            await served.stop()
        return found

    found = asyncio.run(play())
    assert found["missed"] == {"lost": 0, "doubled": 0}
    assert (found["steady"]["lost"], found["steady"]["doubled"], found["steady"]["mentions"]) == (0, 0, 24)
    once = Quartiles(1.0, 1.0, 1.0)
    row = found | {"checkpoint": "small", "cold": once, "warm": once, "others": 0.0}
    text = answering.text([row])
    assert text.count("\n| ") == len(answering.GOALS) + 1
    assert "| small |" in text
    assert ("ok" in soak.text(row)) == (found["steady"]["growth_mb"] < soak.MOST_MB)


def test_a_process_that_does_not_serve_is_told_of(tmp_path: Path) -> None:
    async def play() -> None:
        async with serve_process.serving(tmp_path, "bot.slots=none") as served:
            with pytest.raises(serve_process.ServingError, match=r"bot\.slots"):
                await served.connected(served.discord)

    asyncio.run(play())
