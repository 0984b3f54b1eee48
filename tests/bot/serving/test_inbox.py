"""The inbox of a `dann serve` that runs: taken while it answers nobody yet, told on one line, left alone when it is off."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app import serve
from bot.config import BotConfig, BotSettings, Tokens, WebConfig
from tests.bot.test_app import MAIN, serving
from training.config.tables import DataConfig
from training.store.posts import open_store

pytestmark = pytest.mark.usefixtures("forked")

QUICK_INBOX = (
    "import bot.serving.inbox, training.posts.inbox as inbox; bot.serving.inbox.POLL_SECONDS = 0.2\n"
    f"inbox.SETTLED_SECONDS = inbox.AGAIN_SECONDS = inbox.WAIT_SECONDS = 0.5\n{MAIN}"
)
"""The code of a dann whose inbox waits for little."""


def texts(folder: Path) -> list[str]:
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        return [post.text for post in store.posts()]


def test_what_is_dropped_is_imported_and_told_before_there_is_a_checkpoint(tmp_path: Path) -> None:
    async def scenario() -> None:
        inbox = tmp_path / "inbox"
        inbox.mkdir()
        async with serving(tmp_path, code=QUICK_INBOX) as dann:
            await dann.says("no checkpoint yet")
            (inbox / "notes.txt").write_text("hello there\nlol no\n")
            (inbox / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
            await dann.says(r"^inbox: notes.txt: 2 new of yours, 0 of others$")
            await dann.says(r"^inbox: cat.png: not imported: .*found a PNG image")
            dann.process.send_signal(signal.SIGTERM)
            assert await dann.ends(10.0) == 0
        found = {path.relative_to(inbox).as_posix() for path in inbox.rglob("*") if path.is_file()}
        assert found == {".done.json", "done/notes.txt", "failed/cat.png", "failed/cat.png.why.txt"}
        assert texts(tmp_path) == ["hello there", "lol no"]
        assert not any("hello there" in line for line in dann.lines)

    asyncio.run(scenario())


@asynccontextmanager
async def served_here(folder: Path, **data: Any) -> AsyncIterator[list[str]]:
    """The same in this process, until SIGTERM; yields the lines it says."""
    lines: list[str] = []
    settings = BotSettings(data=DataConfig(dir=folder, **data), bot=BotConfig(web=WebConfig(port=0)))
    serving = asyncio.create_task(serve(settings, Tokens(), lines.append))
    while not lines:
        await asyncio.sleep(0.01)
    yield lines
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(serving, 30) == 0


async def said(lines: list[str], beginning: str) -> None:
    async with asyncio.timeout(60):
        while not any(line.startswith(beginning) for line in lines):
            await asyncio.sleep(0.01)


def test_asked_to_end_while_a_long_export_is_read_it_ends_and_the_next_start_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.serving.inbox.POLL_SECONDS", 0.2)
    monkeypatch.setattr("training.posts.inbox.SETTLED_SECONDS", 0.5)
    long = tmp_path / "inbox" / "long.txt"

    async def ended_amid_it() -> None:
        async with served_here(tmp_path):
            long.parent.mkdir(exist_ok=True)
            long.write_text("".join(f"line {number}\n" for number in range(300_000)))
            async with asyncio.timeout(60):
                while not (tmp_path / "posts.db").exists():  # it is being stored
                    await asyncio.sleep(0.01)

    async def begun_anew() -> None:
        async with served_here(tmp_path) as lines:
            await said(lines, "inbox: long.txt: 2 new of yours")

    asyncio.run(ended_amid_it())
    assert long.exists()
    assert texts(tmp_path) == []
    long.write_text("line 1\nline 2\n")
    asyncio.run(begun_anew())


def test_switched_off_there_is_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served_here(tmp_path, inbox=""):
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert not (tmp_path / "inbox").exists()
