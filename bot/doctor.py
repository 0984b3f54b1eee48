"""`dann doctor`: everything that would keep dann from serving, looked at before it does. Changes nothing.

The machine is looked at here; each platform has its own check (`checks.py` in its folder), with its own client.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from rich.console import Console

from bot import platforms
from bot.config import BotSettings, Tokens
from bot.platform import Finding
from bot.serving.reload import NO_CHECKPOINT
from bot.web.checks import check_web
from model.checkpoints import checkpoint
from model.errors import DannError

MIN_FREE_DISK = 500_000_000
"""Bytes of disk: a checkpoint, what resuming needs, compiled programs, and some air."""
MIN_MEMORY = 600_000_000
"""Bytes: what serving takes."""
MAX_CLOCK_ERROR = 30.0
"""How far off the clock may be: tokens of interactions and times of posts go by it."""


async def examine(settings: BotSettings, tokens: Tokens) -> list[Finding]:
    """Look at everything; what cannot be reached is a finding, too."""
    dates: list[str] = []
    findings = [
        *_check_machine(settings.data.dir),
        await asyncio.to_thread(_check_checkpoint, settings.data.checkpoints),
    ]
    findings.append(await check_web(settings.bot.web))
    for platform in platforms.PLATFORMS:
        if token := tokens.platforms.get(platform.name):
            findings += await platform.load_check()(token, settings, dates.append)
        else:
            findings.append(Finding(platform.title, platform.missing_token, trouble=not any(tokens.platforms.values())))
    return [*findings, *check_clock(dates)]


def print_findings(findings: list[Finding]) -> None:
    """A line each, what is wrong in red with its advice under it."""
    console = Console()
    for finding in findings:
        mark = "[red]✗[/red]" if finding.trouble else "[green]✓[/green]"
        console.print(mark, end=" ", highlight=False)
        console.print(f"{finding.what}: {finding.seen}", markup=False, highlight=False, soft_wrap=True)
        if finding.advice:
            console.print(f"    {finding.advice}", markup=False, highlight=False, soft_wrap=True)


def _check_machine(folder: Path) -> Iterator[Finding]:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    writable = os.access(there, os.W_OK | os.X_OK)
    yield Finding(
        "data folder",
        f"{folder} {'can' if writable else 'cannot'} be written",
        trouble=not writable,
        advice="" if writable else f"let the user that runs dann write to {there}, or choose another data.dir",
    )
    free = shutil.disk_usage(there).free
    yield Finding(
        "disk",
        f"{_megabytes(free)} free",
        trouble=free < MIN_FREE_DISK,
        advice=""
        if free >= MIN_FREE_DISK
        else f"make room: {_megabytes(MIN_FREE_DISK)} are needed to save and publish safely",
    )
    memory = available_memory()
    if memory is not None:
        yield Finding(
            "memory",
            f"{_megabytes(memory)} available",
            trouble=memory < MIN_MEMORY,
            advice="" if memory >= MIN_MEMORY else f"end something else: serving takes {_megabytes(MIN_MEMORY)}",
        )


def available_memory(proc: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process may still take: of the machine, or of its container where that has less. None: not told."""
    try:
        line = next(line for line in proc.read_text().splitlines() if line.startswith("MemAvailable:"))
        machine = int(line.split()[1]) * 1024
    except (OSError, StopIteration, ValueError):
        return None
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return machine if limit == "max" else min(machine, max(0, int(limit) - int(used)))
    except (OSError, ValueError):
        return machine


def _check_checkpoint(root: Path) -> Finding:
    try:
        id_ = checkpoint.current(root)
        if id_ is None:
            return Finding("checkpoint", "none serves", trouble=True, advice=NO_CHECKPOINT)
        snapshot = checkpoint.load(root, id_)
    except DannError as error:
        return Finding("checkpoint", str(error), trouble=True, advice="`dann train` makes a new one")
    figure = f", {snapshot.meta.val_bpb:.3f} bits per byte" if snapshot.meta else ""
    return Finding("checkpoint", f"{id_}{figure}")


def check_clock(dates: list[str]) -> Iterator[Finding]:
    """The machine's clock against the first time that a platform stamped its answers with; nothing where there is none."""
    theirs = next((moment for date in dates if (moment := _parse_date(date))), None)
    if theirs is None:
        return
    off = time.time() - theirs.timestamp()
    wrong = abs(off) > MAX_CLOCK_ERROR
    yield Finding(
        "clock",
        f"{abs(off):.0f} s {'fast' if off > 0 else 'slow'}" if wrong else "right",
        trouble=wrong,
        advice="set the clock, or switch on NTP (timedatectl set-ntp true)" if wrong else "",
    )


def _parse_date(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return None


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
