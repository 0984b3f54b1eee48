"""Mentions at a steady rate for ten minutes, or as long as is asked for: does memory grow, is an answer lost or doubled?"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.chat.answering import RATE, TOKENS, endurance, makers, strangers
from tests.bench.chat.serve_process import serving
from tests.bench.options import MINUTES
from tests.bench.other_load import warning
from tests.bench.report import Report, table

USUAL_MINUTES = 10.0
QUICK_MINUTES = 0.5
MOST_MB = 20.0


def run(quick: bool) -> Report:
    """A row for each checkpoint: the one that is made here where none is given, or else the given one."""
    minutes = float(os.environ.get(MINUTES, QUICK_MINUTES if quick else USUAL_MINUTES))
    make = makers()[-1]
    found = asyncio.run(soaked(make, minutes))
    return Report(text(found), found)


async def soaked(make: Callable[[Path], str], minutes: float) -> dict[str, Any]:
    """Serve one checkpoint for so long."""
    with tempfile.TemporaryDirectory() as name:
        found: dict[str, Any] = {"others": await strangers(), "checkpoint": make(Path(name))}
        async with serving(Path(name), f"sample.max_tokens={TOKENS}") as served:
            await served.connected(served.discord)
            found |= await endurance(served, RATE, 60.0 * minutes)
            await served.stop()
    return found


def text(found: dict[str, Any]) -> str:
    """One row."""
    heads = ["checkpoint", "mentions", "lost", "doubled", "p50", "p95", "longest stall", "memory", "growth", "verdict"]
    it = found["steady"]
    good = it["growth_mb"] < MOST_MB and not it["lost"] and not it["doubled"]
    row = [
        found["checkpoint"], f"{it['mentions']:,}", str(it["lost"]), str(it["doubled"]), f"{1e3 * it['p50']:.0f} ms",
        f"{1e3 * it['p95']:.0f} ms", f"{1e3 * it['stall']:.0f} ms", f"{it['before_mb']:.0f} MB",
        f"{it['growth_mb']:+.1f} MB in {it['seconds'] / 60:.1f} min", "ok" if good else "NOT GOOD",
    ]  # fmt: skip
    return warning([found["others"]]) + table(heads, [row])
