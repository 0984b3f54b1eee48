"""A dann that retrains with faults (fault_child.py) while people talk to it, and what must hold whatever happened."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from bot import lines
from model import checkpoint
from tests.bot.test_app import MAIN
from tests.bot.test_reload_serving import Room
from tests.training.made import SMALL, demo
from training.store.posts import open_store
from training.store.runs import Run, open_runs

LONG = 240.0
TABLES = SMALL | {
    "train": SMALL["train"] | {"steps": 100, "evaluations": 1},
    "retrain": {"tolerance": 0.3, "variety": 0.0, "copied": 1.0, "same": 1.0, "samples": 20, "keep": 3},
}
"""A run of a second or two, whose candidate is refused only where it has learned nothing."""
SETS = tuple(
    f"{name}.{key}={value}" for name, table in TABLES.items() if name != "sample" for key, value in table.items()
)
FAULTY = (
    "import functools, bot.app\n"
    "from bot.retraining import Retraining\n"
    f"bot.app.Retraining = functools.partial(Retraining, module=('tests.bot.fault_child',))\n{MAIN}"
)
"""The code of a dann whose retraining has the faults that are asked for."""


def add_posts(folder: Path) -> None:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo(120))


def rows(folder: Path) -> list[Run]:
    with open_runs(f"sqlite:///{folder / 'posts.db'}") as runs:
        return runs.last()


async def begin(there: Room, folder: Path, fault: str) -> None:
    """Order a retraining with this fault; one that is just ending is waited for."""
    (folder / "fault").write_text(fault)
    (folder / "reached").unlink(missing_ok=True)
    async with asyncio.timeout(LONG):
        while await ordered(there) != lines.RETRAINING:
            await asyncio.sleep(0.1)


async def ordered(there: Room) -> str:
    """What an owner is told who orders one."""
    world = there.server.world
    used = world.use_command(there.people[0], world.dm(there.people[0]), "dann-admin retrain", force=True)
    return (await world.answer_to(used)).content


async def retrained(there: Room, folder: Path, fault: str = "none") -> Run:
    """Retrain with this fault; returns the one row that it left."""
    before = len(rows(folder))
    await begin(there, folder, fault)
    async with asyncio.timeout(LONG):
        while len(rows(folder)) == before or rows(folder)[-1].verdict == "running":
            await asyncio.sleep(0.1)
    (row,) = rows(folder)[before:]
    return row


def accepted(folder: Path, *, running: int = 0) -> None:
    """What is on the disk is whole: the database, what serves, and all that looks like a checkpoint."""
    with closing(sqlite3.connect(folder / "posts.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    root = folder / "checkpoints"
    current = checkpoint.current(root)
    assert current in checkpoint.ids(root)
    for id_ in checkpoint.ids(root):
        checkpoint.verify(root / id_)
    assert sum(row.verdict == "running" for row in rows(folder)) == running
