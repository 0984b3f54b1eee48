"""What goes wrong around a dann that answers: its checkpoints, its database, its clock, its inbox. No mention is lost by it.

What goes wrong in a retraining is in test_faults_child.py and test_faults_kill.py.
"""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.retraining import report
from model.checkpoints import checkpoint
from tests.bot.retraining.faulty_retraining import ordered, rows, set_clock
from tests.bot.retraining.test_child import children
from tests.bot.serving.test_inbox import QUICK_INBOX, texts
from tests.bot.serving.test_reload_in_serve import SELDOM, Room, room
from tests.bot.test_app import MAIN, publish, save, serving
from training.store.posts import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

LONG = 120.0
SLOWER_INBOX = QUICK_INBOX.replace("inbox.SETTLED_SECONDS = ", "inbox.SETTLED_SECONDS = 2.0; ")
"""What grows is written to every fifth of a second, for more than these two."""
SETTABLE_CLOCK = f"from tests.bot.retraining.faulty_retraining import watch_clock; watch_clock()\n{MAIN}"


def half_written(folder: Path) -> None:
    """As a copy that was broken off leaves it."""
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    for name in ("manifest.json", "meta.json", "tokenizer.json"):
        (folder / name).unlink()


def flipped_byte(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    whole = bytearray(weights.read_bytes())
    whole[len(whole) // 2] ^= 1
    weights.write_bytes(whole)


def missing_file(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def later_version(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": manifest["format"] + 1}))


SPOILS: dict[Callable[[Path], object], str] = {
    half_written: r"half_written is damaged: manifest\.json is missing",
    flipped_byte: r"flipped_byte is damaged: weights\.safetensors is not what was written",
    missing_file: r"missing_file is damaged: tokenizer\.json is missing",
    later_version: r"written by a later dann \(format 2; this one reads up to 1\); upgrade dann",
    shutil.rmtree: "there is no such checkpoint",
}
"""What may be wrong with a checkpoint, and how that is said; the last is a CURRENT that points nowhere."""


def test_a_checkpoint_that_cannot_be_used_changes_nothing_also_at_the_next_start(tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"

    async def scenario() -> None:
        async with room(tmp_path) as there:
            there.between = SELDOM
            message = await there.comes("one")
            for spoil, wrong in SPOILS.items():
                spoil(await asyncio.to_thread(save, tmp_path, spoil.__name__, 1))
                (root / "CURRENT").write_text(f"{spoil.__name__}\n")
                await there.dann.says(f"one goes on answering: .*{wrong}")
                assert await there.drawn() == (message, "one")
                assert "not taken over" in await there.status()
            for number, id_ in enumerate(("two", "three")):
                await asyncio.to_thread(publish, tmp_path, id_, number)
                await there.comes(id_)
            flipped_byte(root / "three")
        async with serving(tmp_path) as next_:
            await next_.says("three is damaged.*two, which served before, answers until then")
            await next_.says("^dann: checkpoint two")
            await asyncio.to_thread(checkpoint.publish, root, "one")
            await next_.says("^dann: checkpoint one serves now, instead of two")

    asyncio.run(scenario())


def holds(pid: int, file: Path) -> bool:
    """Whether a process has a file open."""
    with suppress(OSError):
        return any(fd.readlink() == file for fd in Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_a_database_that_is_locked_is_waited_for(tmp_path: Path) -> None:
    """Meanwhile an export is dropped, a retraining is ordered, and people ask. For how long: tests/training/store."""
    inbox, posts = tmp_path / "inbox", tmp_path / "posts.db"

    async def scenario() -> None:
        async with room(tmp_path, code=QUICK_INBOX) as there:
            there.between = SELDOM
            await there.comes("one")
            with open_store(f"sqlite:///{tmp_path / 'posts.db'}"):
                pass
            with closing(sqlite3.connect(posts, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                (inbox / "notes.txt").write_text("hello there\nlol no\n")
                assert await ordered(there, force=False) == report.STARTED
                await there.dann.says("the inbox and is tried again", LONG)
                async with asyncio.timeout(LONG):
                    while not any(holds(pid, posts) for pid in children(there.dann.process.pid)):
                        await asyncio.sleep(0.05)
                asked = len(there.asked)
                async with asyncio.timeout(LONG):
                    while len(there.asked) == asked:
                        await asyncio.sleep(0.05)
                await there.server.simulation.first_reply(there.asked[asked])
                assert "retraining: " in await there.status()
                other.execute("ROLLBACK")
            async with asyncio.timeout(LONG):
                while [row.verdict for row in rows(tmp_path)] != ["skipped"]:
                    await asyncio.sleep(0.1)
            await there.dann.says("^inbox: notes.txt: 2 new of yours", LONG)

    asyncio.run(scenario())


async def planned(there: Room) -> datetime:
    """When the next retraining is due, as the owner is told; local time."""
    async with asyncio.timeout(LONG):
        while True:
            for line in (await there.status()).splitlines():
                if line.startswith("next retraining "):
                    return datetime.strptime(line, "next retraining %Y-%m-%d %H:%M").astimezone()
            await asyncio.sleep(0.1)


def test_the_clock_may_be_set_by_a_day_either_way(tmp_path: Path) -> None:
    """Set forward, the night's retraining comes, once; set back again, the next is due within a day."""
    day = timedelta(days=1)

    async def scenario() -> None:
        half_a_day_off = f"bot.schedule.cron=0 {(datetime.now().astimezone().hour + 12) % 24} * * *"
        async with room(tmp_path, half_a_day_off, "bot.schedule.jitter_minutes=0", code=SETTABLE_CLOCK) as there:
            there.between = SELDOM
            await there.comes("one")
            first = await planned(there)
            assert first - datetime.now().astimezone() <= day
            await set_clock(tmp_path, day)
            await there.dann.says(r"^retraining begins \(scheduled\)", LONG)
            async with asyncio.timeout(LONG):
                while await planned(there) < first + day or [row.verdict for row in rows(tmp_path)] != ["skipped"]:
                    await asyncio.sleep(0.1)
            await there.comes("one")
            await set_clock(tmp_path, -day)
            async with asyncio.timeout(LONG):
                while await planned(there) > datetime.now().astimezone():
                    await asyncio.sleep(0.1)
            await there.comes("one")
            assert [row.verdict for row in rows(tmp_path)] == ["skipped"]

    asyncio.run(scenario())


def test_what_is_no_whole_export_is_put_aside_and_what_still_grows_is_waited_for(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    messages = [
        {"id": str(number), "type": "Default", "timestamp": f"2024-01-01T00:{number:02}:00+00:00",
         "content": f"post {number}", "author": {"id": "1", "name": "someone"}} for number in range(40)
    ]  # fmt: skip
    whole = json.dumps({"guild": {"id": "1"}, "channel": {"id": "2", "name": "general"}, "messages": messages})

    async def scenario() -> None:
        async with room(tmp_path, code=SLOWER_INBOX) as there:
            there.between = SELDOM
            await there.comes("one")
            (inbox / "half.json").write_text(whole[: len(whole) // 2])
            (inbox / "cut.json").write_text(whole[:-1])
            (inbox / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
            with (inbox / "growing.txt").open("w", buffering=1) as growing:
                for number in range(16):
                    growing.write(f"line {number}\n")
                    await asyncio.sleep(0.2)
                assert (inbox / "growing.txt").exists()
                growing.write("the last line\n")
            await there.dann.says("^inbox: growing.txt: 17 new of yours", LONG)
            for cut in ("half", "cut"):
                await there.dann.says(f"^inbox: {cut}.json: not imported: ", LONG)
            await there.dann.says("^inbox: cat.png: not imported: .*found a PNG image", LONG)
            await there.comes("one")

    asyncio.run(scenario())
    found = {path.relative_to(inbox).as_posix() for path in inbox.rglob("*") if path.is_file()}
    assert found == {
        ".done.json",
        "done/growing.txt",
        *(f"failed/{name}{end}" for name in ("half.json", "cut.json", "cat.png") for end in ("", ".why.txt")),
    }
    assert texts(tmp_path) == [*(f"line {number}" for number in range(16)), "the last line"]
