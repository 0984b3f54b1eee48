"""What a retraining costs those who talk to dann meanwhile: 20 requests a second on the loopback Discord, as in reload.py.

An owner orders it. It is the whole of it, from the process that begins to the verdict, within the limits that config.toml
gives it: reading a made-up person's posts, learning, judging, and publishing or not.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.chat.reload import IDLE_SECONDS, RATE, Crowd, p95, save, talking
from tests.bench.report import Report, table
from tests.training.small_runs import demo
from training.store.posts import open_store

EXCHANGES = 6000
"""Of the made-up person: as many posts of their own, about."""
MINUTES = 1.5
LONG = 1200.0


def run(quick: bool) -> Report:
    """Idle, a retraining, idle again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "checkpoints")
        add_posts(folder, EXCHANGES // 10 if quick else EXCHANGES)
        figures = asyncio.run(measure(folder, 0.2 if quick else MINUTES, 6.0 if quick else IDLE_SECONDS))
    return Report(text(figures), figures)


def add_posts(folder: Path, exchanges: int) -> None:
    """Put the made-up person's posts in the store."""
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo(exchanges))


async def measure(folder: Path, minutes: float, idle_seconds: float) -> dict[str, Any]:
    """Everything, on one running dann. Idle is before and after, so that what drifts does not count for either."""
    async with talking(folder, f"retrain.minutes={minutes}") as crowd:
        await asyncio.sleep(2.0)
        before = await span(asyncio.sleep(idle_seconds))
        meanwhile = await span(retrained(crowd))
        await asyncio.sleep(2.0)
        after = await span(asyncio.sleep(idle_seconds))
    found = span_figures(crowd, before, meanwhile, after)
    verdict = next(line for line in reversed(crowd.dann.lines) if line.startswith("retraining: "))
    return found | {"retraining_p95": found.pop("busy_p95"), "verdict": verdict}


Span = tuple[float, float]


def span_figures(crowd: Crowd, before: Span, meanwhile: Span, after: Span) -> dict[str, Any]:
    """What the requests of each span of time tell; `ratio` is that of p95 `meanwhile` and idle."""
    failed, doubled = crowd.faults()
    at_rest, busy = p95(crowd.latencies(before, after)), p95(crowd.latencies(meanwhile))
    return {
        "requests": len(crowd.mentions) + len(crowd.commands), "failed": failed, "doubled": doubled,
        "seconds": meanwhile[1] - meanwhile[0], "before_p95": p95(crowd.latencies(before)), "idle_p95": at_rest,
        "after_p95": p95(crowd.latencies(after)), "busy_p95": busy, "ratio": busy / at_rest,
    }  # fmt: skip


async def span(work: Any) -> tuple[float, float]:
    """When something began and ended."""
    begin = time.perf_counter()
    await work
    return begin, time.perf_counter()


async def retrained(crowd: Crowd) -> None:
    """Have an owner order one, and wait for the verdict."""
    simulation = crowd.server.simulation
    simulation.use_command(crowd.people[0], simulation.dm(crowd.people[0]), "dann-admin retrain", force=True)
    await crowd.dann.says("^retraining begins", 60.0)
    await crowd.dann.says("^retraining: ", LONG)


def text(found: dict[str, Any]) -> str:
    """One table."""
    rows = [
        [f"failed, doubled; of {found['requests']:,}", "0, 0", "0, 0", f"{found['failed']}, {found['doubled']}"],
        ["p95 idle: before, after", "–", "–", f"{1e3 * found['before_p95']:.0f} ms, {1e3 * found['after_p95']:.0f} ms"],
        [
            f"p95 while a retraining runs, for {found['seconds']:.0f} s, of that", "4", "1.5",
            f"{found['ratio']:.2f} ({1e3 * found['retraining_p95']:.0f} ms)",
        ],
    ]  # fmt: skip
    return table([f"2 x 512, V 1,024, {RATE} requests a second", "must", "goal", "reached"], rows)
