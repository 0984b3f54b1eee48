"""A dann that retrains with faults (faulty_child.py) while people talk to it, and what must hold whatever happened."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import time_machine

from bot.retraining import report, scheduler
from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import replace_file
from tests.bot.serving.test_reload_in_serve import Room
from tests.bot.test_app import MAIN
from tests.training.small_runs import SMALL, demo
from training.store.posts import open_store
from training.store.runs import RetrainRun, open_runs

LONG = 240.0
TABLES = SMALL | {
    "train": SMALL["train"] | {"steps": 100, "evaluations": 1},
    "retrain": {
        "start": "scratch",
        "tolerance": 0.3,
        "variety": 0.0,
        "copied": 1.0,
        "same": 1.0,
        "samples": 20,
        "keep": 3,
    },
}
"""A run of a second or two, whose candidate is refused only where it has learned nothing."""
SETS = tuple(
    f"{name}.{key}={value}" for name, table in TABLES.items() if name != "sample" for key, value in table.items()
)
FAULTY = (
    "import functools, bot.app\n"
    "from bot.retraining.supervisor import RetrainSupervisor\n"
    "bot.app.RetrainSupervisor = functools.partial("
    f"RetrainSupervisor, module=('tests.bot.retraining.faulty_child',))\n{MAIN}"
)
"""The code of a dann whose retraining has the faults that are asked for."""


def add_posts(folder: Path) -> None:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo(120))


def rows(folder: Path) -> list[RetrainRun]:
    with open_runs(f"sqlite:///{folder / 'posts.db'}") as runs:
        return runs.last()


async def begin(there: Room, folder: Path, fault: str) -> None:
    """Order a retraining with this fault; one that is just ending is waited for."""
    (folder / "fault").write_text(fault)
    (folder / "reached").unlink(missing_ok=True)
    async with asyncio.timeout(LONG):
        while await ordered(there) != report.STARTED:
            await asyncio.sleep(0.1)


async def ordered(there: Room, *, force: bool = True) -> str:
    """What an owner is told who orders one."""
    simulation = there.server.simulation
    used = simulation.use_command(there.people[0], simulation.dm(there.people[0]), "dann-admin retrain", force=force)
    return (await simulation.first_reply(used)).content


async def retrained(there: Room, folder: Path, fault: str = "none") -> RetrainRun:
    """Retrain with this fault; returns the one row that it left."""
    before = len(rows(folder))
    await begin(there, folder, fault)
    with open_runs(f"sqlite:///{folder / 'posts.db'}") as runs:  # opened once: that takes longer than to look
        async with asyncio.timeout(LONG):
            while len(found := runs.last()) == before or found[-1].verdict == "running":
                await asyncio.sleep(0.1)
    (row,) = found[before:]
    return row


def watch_clock() -> None:
    """In dann: set this process's clock by the seconds that the file "clock" in the present folder comes to hold."""

    def watch() -> None:
        file, shift = Path("clock"), 0.0
        while True:
            if file.exists() and (told := float(file.read_text())) != shift:
                time_machine.travel(time.time() - shift + told).start()
                shift = told
                file.with_name("clock.set").write_text(str(told))
            time.sleep(0.05)

    scheduler.POLL_SECONDS = 0.2
    threading.Thread(target=watch, daemon=True).start()


async def set_clock(folder: Path, shift: timedelta) -> None:
    """Have the clock of a dann that does `watch_clock` differ by so much."""
    replace_file(folder / "clock", str(shift.total_seconds()).encode())
    async with asyncio.timeout(LONG):
        while not (folder / "clock.set").exists() or float((folder / "clock.set").read_text()) != shift.total_seconds():
            await asyncio.sleep(0.05)


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
