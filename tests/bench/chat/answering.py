"""What somebody in a chat notices of dann: how soon it answers, alone and in a crowd, how many it answers, how it starts.

A real `dann serve` against the Discord and Telegram of tests/servers; they, and whoever asks, run in the bench's process, so
that they take some of the machine's cores from dann: the figures are what it does with the rest.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.chat import checkpoints
from tests.bench.chat.loads import Asked, at_once, one_by_one, steady, unbroken
from tests.bench.chat.serve_process import Served, serving, stalls_of
from tests.bench.other_load import ticks, warning
from tests.bench.report import Report, spread, table
from tests.bench.rounds.children import Quartiles

TOKENS = 20
"""Most tokens of an answer: with random weights, all answers have as many."""
ONE_BY_ONE, PAUSE = 300, 0.06
"""Mentions one after the other, and the seconds between two: dann's Telegram client sends at most 30 messages a second."""
CROWD, CROWDS = 64, 5
UNBROKEN_SECONDS = 15.0
RATE, STEADY_SECONDS = 20.0, 60.0
STARTS = 3
QUICK = 0.2
GOALS = {
    "discord": ("mention received to reply sent, Discord, idle: p50 / p95", "100 / 200 ms", "30 / 60 ms"),
    "telegram": ("the same on Telegram", "100 / 200 ms", "30 / 60 ms"),
    "crowd": (f"{CROWD} mentions at once, all answered: p95 (the last)", "3 s", "1 s"),
    "unbroken": (f"sustained replies a second, {TOKENS} tokens each", "100", "300"),
    "stall": ("event loop's longest stall under that load", "100 ms", "20 ms"),
    "warm": ("process start to first reply, compilation cache warm", "6 s", "3 s"),
    "cold": ("the same, cold", "12 s", "6 s"),
    "resident": ("resident memory serving", "600 MB", "400 MB"),
    "steady": (f"{RATE:.0f} mentions a second: memory growth; lost, doubled answers", "< 20 MB; 0, 0", "0; 0, 0"),
}


def run(quick: bool) -> Report:
    """A column for each checkpoint: one made here, and the one that the environment names."""
    found = [asyncio.run(measured(make, QUICK if quick else 1.0)) for make in makers()]
    return Report(text(found), found)


def makers() -> list[Callable[[Path], str]]:
    """What puts a checkpoint into a folder, and says which."""
    found: list[Callable[[Path], str]] = [checkpoints.make]
    if source := checkpoints.given():
        found.append(partial(checkpoints.take, source))
    return found


async def measured(make: Callable[[Path], str], share: float) -> dict[str, Any]:
    """All figures of one checkpoint."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        others = await strangers()
        found: dict[str, Any] = {"checkpoint": make(folder)}
        found["cold"] = Quartiles.of([await start(folder, cold=True)])
        found["warm"] = Quartiles.of([await start(folder) for _ in range(max(1, round(STARTS * share)))])
        async with serving(folder, f"sample.max_tokens={TOKENS}") as served:
            await served.connected(served.discord, served.telegram)
            found |= await loads(served, share)
            found |= await endurance(served, RATE, STEADY_SECONDS * share)
            await served.stop()
    return found | {"others": max(others, await strangers())}


async def strangers() -> float:
    """The share of all cores at work while we are not."""
    before = ticks()
    await asyncio.sleep(1.0)
    busy, every = (now - then for now, then in zip(ticks(), before, strict=True))
    return busy / every if every else 0.0


async def start(folder: Path, *, cold: bool = False) -> float:
    """Seconds from the start of a process to its first answer, asked for as soon as Discord hands messages over."""
    if cold:
        shutil.rmtree(folder / "compiled", ignore_errors=True)
    async with serving(folder, f"sample.max_tokens={TOKENS}") as served:
        await served.connected(served.discord)
        asked = Asked(served.discord)
        key = asked.mention(0)
        await asked.answered([key])
        seconds = asked.seconds[0] + asked.at[key] - served.began
        await served.stop()
    return seconds


async def loads(served: Served, share: float) -> dict[str, Any]:
    """Mentions one by one, all at once and without a break; the event loop's longest stall, and the memory afterwards."""
    count = max(20, round(ONE_BY_ONE * share))
    await one_by_one(served.discord, 10, 0.0)  # the first few open connections
    await one_by_one(served.telegram, 10, PAUSE)
    async with stalls_of(served) as stalled:
        discord = await one_by_one(served.discord, count, 0.0)
        telegram = await one_by_one(served.telegram, count, PAUSE)
        crowds = [await at_once(served.discord, CROWD) for _ in range(max(1, round(CROWDS * share)))]
        asked, rate = await unbroken(served.discord, CROWD, UNBROKEN_SECONDS * share)
    everybody = [discord, telegram, *crowds, asked]
    return {
        "discord": percentiles([discord]),
        "telegram": percentiles([telegram]),
        "crowd": percentiles(crowds) | {"last": max(max(crowd.seconds) for crowd in crowds)},
        "unbroken": rate,
        "stall": stalled.longest,
        "resident": served.resident_mb,
        "missed": {"lost": sum(one.lost for one in everybody), "doubled": sum(one.doubled for one in everybody)},
    }


async def endurance(served: Served, rate: float, seconds: float) -> dict[str, Any]:
    """`rate` mentions a second: what comes of them, how memory grows after a sixth of the time, and the longest stall."""
    warm = await steady(served.discord, rate, seconds / 6)
    before, began = served.resident_mb, time.perf_counter()
    async with stalls_of(served) as stalled:
        asked = await steady(served.discord, rate, seconds * 5 / 6)
    return {
        "steady": {
            "mentions": len(warm.at) + len(asked.at),
            "seconds": time.perf_counter() - began,
            "before_mb": before,
            "growth_mb": served.resident_mb - before,
            "lost": warm.lost + asked.lost,
            "doubled": warm.doubled + asked.doubled,
            "stall": stalled.longest,
            **percentiles([asked]),
        }
    }


def percentiles(found: Sequence[Asked]) -> dict[str, float]:
    """Seconds that half and nineteen of twenty answers took at most."""
    seconds = sorted(one for asked in found for one in asked.seconds)
    return {"p50": seconds[len(seconds) // 2], "p95": seconds[int(0.95 * len(seconds))], "count": len(seconds)}


def text(found: Sequence[dict[str, Any]]) -> str:
    """The goals with a column a checkpoint, and what the figures are."""
    heads = ["what", "must", "goal", *(one["checkpoint"] for one in found)]
    lines = [[*GOALS[name], *(cell(name, one) for one in found)] for name in GOALS]
    return warning([one["others"] for one in found]) + table(heads, lines) + "\n\n" + notes(found)


def cell(name: str, found: dict[str, Any]) -> str:
    """One figure as the table has it."""
    return CELLS[name](found[name])


CELLS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("discord", "telegram"), lambda it: f"{1e3 * it['p50']:.0f} / {1e3 * it['p95']:.0f} ms"),
    **dict.fromkeys(("warm", "cold"), lambda it: f"{spread(it, '.1f')} s"),
    "crowd": lambda it: f"{it['p95']:.2f} s ({it['last']:.2f} s)",
    "unbroken": lambda it: f"{it:.0f}",
    "stall": lambda it: f"{1e3 * it:.0f} ms",
    "resident": lambda it: f"{it:.0f} MB",
    "steady": lambda it: f"{it['growth_mb']:.1f} MB in {it['seconds']:.0f} s; {it['lost']}, {it['doubled']}",
}


def notes(found: Sequence[dict[str, Any]]) -> str:
    """What the figures mean."""
    lines = [
        f"- {one['checkpoint']}: {one['discord']['count']} mentions one by one on each platform, "
        f"{one['steady']['mentions']} at {RATE:.0f} a second (p95 {1e3 * one['steady']['p95']:.0f} ms, longest stall "
        f"{1e3 * one['steady']['stall']:.0f} ms); lost {one['missed']['lost']}, doubled {one['missed']['doubled']} "
        "of the others"
        for one in found
    ]
    return (
        f"Answers of at most {TOKENS} tokens, to conversations of up to 20 messages that dann remembers, in {CROWD} people's "
        "names. From telling dann of a message to the arrival of the answer's request, at the servers, which share the cores "
        "with dann; no platform's limits but those that dann's clients keep. Memory in MB of 10^6 bytes.\n"
        + "\n".join(lines)
    )
