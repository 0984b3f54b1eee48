"""A child process that retrains: started, kept within its limits, listened to, and ended. Knows no checkpoint and no posts.

Whatever the child does, `run` returns an Ending: crashing, hanging, eating memory and talking nonsense are "failed", with
the reason. Memory is what is resident, looked at from here: a limit on address space (RLIMIT_AS) would end JAX at once, which
reserves far more than it touches.
"""

import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.retraining.event_lines import LineBuffer, read_event
from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

POLL_SECONDS = 0.5
"""How often its memory and the time are looked at."""
TAIL_LINES = 60
"""How many of its last lines on standard error are logged where it failed: a traceback's worth."""
DRAIN_SECONDS = 2.0
"""How long what it wrote is read after its end; something that it started may hold the pipe open."""

STOPPED = "dann was stopped meanwhile"

log = logging.getLogger("dann.retraining")


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What the child may take: `cores` 0 is all, `memory_bytes` 0 any amount."""

    niceness: int
    cores: int
    seconds: float
    memory_bytes: int


class RetrainChild(asyncio.SubprocessProtocol):
    """One run of `python -m MODULE ARGUMENT ...`. `heard` is told how far it is; it must not raise."""

    def __init__(
        self,
        module: Sequence[str],
        environment: Mapping[str, str],
        limits: ChildLimits,
        heard: Callable[[RetrainProgress], None],
    ) -> None:
        self._module = module
        self._environment = environment
        self._limits = limits
        self._on_progress = heard
        self._transport: asyncio.SubprocessTransport | None = None
        self._exited, self._silent = asyncio.Event(), asyncio.Event()
        self._verdict: RetrainOutcome | None = None
        self._kill_reason = ""
        self._warned = False
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._streams = {1: LineBuffer(self._on_line), 2: LineBuffer(self._tail.append)}

    async def run(self) -> RetrainOutcome:
        """Run it to its end, whichever that is; cancelled, the child is killed."""
        try:
            transport = self._transport = await self._spawn()
        except OSError as error:
            return RetrainOutcome("failed", f"it could not be started ({error.strerror})")
        try:
            await self._enforce_limits(transport.get_pid())
            await _wait_at_most(DRAIN_SECONDS, self._silent)
        finally:
            self._signal(signal.SIGKILL)
            await _wait_at_most(DRAIN_SECONDS, self._exited)
            transport.close()
        return self._outcome(transport.get_returncode())

    async def stop(self, seconds: float) -> None:
        """Ask it to end, and kill it if that takes longer than `seconds`; `run` then returns."""
        if self._transport is None or self._exited.is_set():
            return
        self._kill_reason = self._kill_reason or STOPPED
        self._signal(signal.SIGTERM)
        await _wait_at_most(seconds, self._exited)
        self._signal(signal.SIGKILL)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """asyncio's: it has written something."""
        self._streams[fd].feed(data)

    def pipe_connection_lost(self, fd: int, _error: Exception | None) -> None:
        """asyncio's: it will write nothing more there."""
        if lines := self._streams.pop(fd, None):
            lines.end()
        if not self._streams:
            self._silent.set()

    def process_exited(self) -> None:
        """asyncio's: it has ended. What it started and left behind is ended, too."""
        self._signal(signal.SIGKILL)
        self._exited.set()

    async def _spawn(self) -> asyncio.SubprocessTransport:
        limits = self._limits
        cores = ",".join(str(core) for core in _cores(limits.cores))
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: self,
            sys.executable, "-P", "-m", "bot.retraining.child_main",  # -P: not a folder "training" where dann was started
            str(os.getpid()), str(limits.niceness), cores, *self._module,
            env=self._environment, process_group=0,
        )  # fmt: skip
        return transport

    async def _enforce_limits(self, pid: int) -> None:
        """Wait for its end, or bring it about where it takes too much."""
        clock = asyncio.get_running_loop().time
        until, most = clock() + self._limits.seconds, self._limits.memory_bytes
        while not self._exited.is_set():
            if clock() > until:
                self._end(f"it was not done after {self._limits.seconds / 60:,.0f} minutes and was ended")
            elif 0 < most < (held := resident_bytes(pid)):
                self._end(
                    f"it held {held / 1e6:,.0f} MB of memory and was ended: bot.schedule.memory_mb allows {most / 1e6:,.0f}"
                )
            await _wait_at_most(POLL_SECONDS, self._exited)

    def _end(self, why: str) -> None:
        self._kill_reason = self._kill_reason or why
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """To the child and whatever it has started."""
        if self._transport is not None and not self._exited.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), number)

    def _on_line(self, line: bytes) -> None:
        told = read_event(line)
        if isinstance(told, RetrainProgress):
            self._on_progress(told)
        elif told is not None:
            self._verdict = told
        elif line.strip() and not self._warned:
            self._warned = True  # what it says is not told: it may hold posts
            log.warning("retraining: a line that is no event (%d bytes) is passed over, as others will be", len(line))

    def _outcome(self, code: int | None) -> RetrainOutcome:
        ending = self._verdict or RetrainOutcome("failed", self._kill_reason or _reason_to_fail(code, self._tail))
        if ending.verdict == "failed" and self._tail:
            log.error("retraining failed (%s); its last lines:\n%s", ending.reason, _text(self._tail))
        return ending


async def _wait_at_most(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, but not longer."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _reason_to_fail(code: int | None, tail: Sequence[bytes]) -> str:
    """Why it ended, as far as can be seen from outside."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        memory = "; the machine may have run out of memory" if -code == signal.SIGKILL else ""
        return f"it was ended by {name}{memory}"
    said = [line.removeprefix("dann: ") for line in _text(tail).splitlines() if line.startswith("dann: ")]
    if code and said:
        return said[-1]
    return f"it ended with code {code}" if code else "it ended without a verdict"


def _text(tail: Sequence[bytes]) -> str:
    return b"\n".join(tail).decode(errors="replace")


def _cores(count: int) -> list[int]:
    """The last `count` of the cores that this process may use, [] for all of them."""
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return mine[-count:] if 0 < count < len(mine) else []


def resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 where the system does not tell, or it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
