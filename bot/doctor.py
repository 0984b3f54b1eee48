"""`dann doctor`: find what would keep dann from serving. Changes nothing; each platform's check is in its folder."""

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
from bot.web.checks import check_page, check_web
from bot.web.http.auth import WebSecrets
from model.checkpoints import checkpoint
from model.errors import DannError
from training.cli.shared import print_line
from training.posts.guarding import load_guarded

MIN_FREE_DISK = 500_000_000
"""Bytes: a checkpoint, the state to resume from, compiled programs, and a margin."""
MIN_MEMORY = 600_000_000
"""Bytes that serving takes."""
MAX_CLOCK_ERROR = 30.0
"""Seconds the clock may be off: interaction tokens expire, and posts are dated by it."""


async def examine(settings: BotSettings, tokens: Tokens) -> list[Finding]:
    """Check everything; what cannot be reached is a finding too."""
    dates: list[str] = []
    findings = list(_check_machine(settings.data.dir))
    findings.append(await asyncio.to_thread(_check_checkpoint, settings))
    findings.append(await check_web(settings.bot.web))
    findings += check_page(settings.bot.web, WebSecrets(tokens.api_key, tokens.web_password))
    for platform in platforms.PLATFORMS:
        if token := tokens.platforms.get(platform.name):
            findings += await platform.load_check()(token, settings, dates.append)
        else:
            findings.append(Finding(platform.title, platform.missing_token, trouble=not any(tokens.platforms.values())))
    return [*findings, *check_clock(dates)]


def print_findings(findings: list[Finding]) -> None:
    """Print a line each, with advice under what is wrong."""
    console = Console()
    for finding in findings:
        mark = "[red]✗[/red]" if finding.trouble else "[green]✓[/green]"
        console.print(mark, end=" ", highlight=False)
        print_line(f"{finding.what}: {finding.seen}", console)
        if finding.advice:
            print_line(f"    {finding.advice}", console)


def _check_machine(folder: Path) -> Iterator[Finding]:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    writable = os.access(existing, os.W_OK | os.X_OK)
    advice = f"let the user that runs dann write to {existing}, or choose another data.dir"
    yield _finding("data folder", f"{folder} {'can' if writable else 'cannot'} be written", not writable, advice)
    free = shutil.disk_usage(existing).free
    advice = f"make room: {_megabytes(MIN_FREE_DISK)} are needed to save and publish safely"
    yield _finding("disk", f"{_megabytes(free)} free", free < MIN_FREE_DISK, advice)
    memory = available_memory()
    if memory is not None:
        advice = f"end something else: serving takes {_megabytes(MIN_MEMORY)}"
        yield _finding("memory", f"{_megabytes(memory)} available", memory < MIN_MEMORY, advice)


def _finding(what: str, seen: str, trouble: bool, advice: str) -> Finding:
    return Finding(what, seen, trouble, advice if trouble else "")


def available_memory(proc: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes this process may still take, None if unknown; in a container its limit counts if smaller."""
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


def _check_checkpoint(settings: BotSettings) -> Finding:
    root = settings.data.checkpoints
    try:
        id_ = checkpoint.current(root)
        if id_ is None:
            return Finding("checkpoint", "none serves", trouble=True, advice=NO_CHECKPOINT)
        snapshot = load_guarded(settings, root, id_)
    except DannError as error:
        return Finding("checkpoint", str(error), trouble=True, advice="`dann train` makes a new one")
    figure = f", {snapshot.meta.val_bpb:.3f} bits per byte" if snapshot.meta else ""
    return Finding("checkpoint", f"{id_}{figure}")


def check_clock(dates: list[str]) -> Iterator[Finding]:
    """Compare the machine's clock with the first Date header that a platform sent, if any."""
    platform_time = next((time_ for date in dates if (time_ := _parse_date(date))), None)
    if platform_time is None:
        return
    error = time.time() - platform_time.timestamp()
    wrong = abs(error) > MAX_CLOCK_ERROR
    seen = f"{abs(error):.0f} s {'fast' if error > 0 else 'slow'}" if wrong else "right"
    yield _finding("clock", seen, wrong, "set the clock, or switch on NTP (timedatectl set-ntp true)")


def _parse_date(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return None


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
