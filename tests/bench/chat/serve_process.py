"""`dann serve` in a process of its own, seen from outside: what it says, holds in memory, and how its event loop stalls."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.app import HEARTBEAT_FILE, HEARTBEAT_SECONDS
from tests.bench.chat.servers import Crowd, DiscordCrowd, TelegramCrowd
from tests.bench.rounds.children import ROOT

PROGRAM = "from bot.cli import main; raise SystemExit(main())"
START_SECONDS, STOP_SECONDS = 120.0, 15.0
STALL = re.compile(r"longest stall ([\d.]+) ms")


class ServingError(Exception):
    """dann ended by itself, or did not come; the message holds what it said last."""


@dataclass
class Served:
    """dann, the people that it serves, and `began`, when the process was started."""

    process: asyncio.subprocess.Process
    discord: DiscordCrowd
    telegram: TelegramCrowd
    alive: Path
    began: float
    lines: list[str] = field(default_factory=list)

    async def connected(self, *crowds: Crowd) -> None:
        """Wait until it listens to all of these; raises ServingError where it does not."""
        while not all(crowd.is_connected() for crowd in crowds):
            if self.process.returncode is not None or time.perf_counter() - self.began > START_SECONDS:
                raise ServingError("dann does not serve:\n" + "\n".join(self.lines[-20:]))
            await asyncio.sleep(0.005)

    @property
    def resident_mb(self) -> float:
        """What it holds of the machine's memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6

    async def stop(self) -> None:
        """Ask it to end; raises ServingError where it does not, or not well."""
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        if code:
            raise ServingError(f"dann ended with {code}:\n" + "\n".join(self.lines[-20:]))


@dataclass
class Stalled:
    """The longest stall of the event loop in seconds, once the block is over; each report looks back at HEARTBEAT_SECONDS."""

    longest: float = 0.0


@asynccontextmanager
async def stalls_of(served: Served) -> AsyncIterator[Stalled]:
    """What it reports from now on, after one report of what was before, to the first report after the block."""
    found = Stalled()
    await _reported(served.alive)

    async def watch() -> None:
        while True:
            found.longest = max(found.longest, await _reported(served.alive))

    watching = asyncio.create_task(watch())
    try:
        yield found
        found.longest = max(found.longest, await _reported(served.alive))
    finally:
        watching.cancel()


async def _reported(alive: Path) -> float:
    """Wait for the next report: seconds."""
    before = alive.stat().st_mtime_ns
    async with asyncio.timeout(4 * HEARTBEAT_SECONDS):
        while True:
            await asyncio.sleep(0.05)
            if alive.stat().st_mtime_ns != before and (stall := STALL.search(alive.read_text(encoding="ascii"))):
                return float(stall[1]) / 1e3


@asynccontextmanager
async def serving(folder: Path, *sets: str) -> AsyncIterator[Served]:
    """Start it with the data in `folder`, cooldowns off, and a Discord and a Telegram; killed at the end if it still runs."""
    async with AsyncExitStack() as stack:
        discord, telegram = DiscordCrowd(), TelegramCrowd()
        await stack.enter_async_context(discord.server)
        await stack.enter_async_context(telegram.server)
        addresses = (
            f"bot.discord.api_url={discord.server.api_url}",
            f"bot.discord.gateway_url={discord.server.gateway_url}",
            f"bot.telegram.base_url={telegram.server.base_url}",
        )
        settings = (f"data.dir={folder}", "bot.cooldown_seconds=0", f"bot.web.port={free_port()}", *addresses, *sets)
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM),
            *(f"--set={one}" for one in settings),
            "serve",
            cwd=ROOT,
            env={**os.environ, "DISCORD_TOKEN": discord.simulation.token, "TELEGRAM_TOKEN": telegram.bot.token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        served = Served(process, discord, telegram, folder / HEARTBEAT_FILE, began)
        reading = asyncio.create_task(_read(served))
        try:
            yield served
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading


def free_port() -> int:
    """A port that nobody listens on: dann is on HTTP too, as it usually is."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _read(served: Served) -> None:
    assert served.process.stdout is not None
    while raw := await served.process.stdout.readline():
        served.lines.append(raw.decode("utf-8", "replace").rstrip())
