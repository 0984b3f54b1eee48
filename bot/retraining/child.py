"""Run a retraining in a child process, within limits, and read its events.

Whatever the child does, `run` returns an outcome: crashing, hanging, using too much memory and writing garbage are "failed",
with the reason. Resident memory is polled from here: a limit on address space (RLIMIT_AS) would kill JAX at once, which
reserves far more than it touches. Knows no checkpoint and no posts.
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
"""How often its memory and its time are checked."""
TAIL_LINES = 60
"""Lines of standard error that are logged where it failed: enough for a traceback."""
DRAIN_SECONDS = 2.0
"""How long its output is read after its end; something that it started may hold the pipe open."""

STOPPED = "dann was stopped meanwhile"

log = logging.getLogger("dann.retraining")


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Limits of the child; 0 `cores` are all, 0 `memory_bytes` any amount."""

    niceness: int
    cores: int
    seconds: float
    memory_bytes: int


class RetrainChild(asyncio.SubprocessProtocol):
    """One run of `python -m MODULE ARGUMENT ...`; `on_progress` is called with its progress, and must not raise."""

    def __init__(
        self,
        module: Sequence[str],
        environment: Mapping[str, str],
        limits: ChildLimits,
        on_progress: Callable[[RetrainProgress], None],
    ) -> None:
        self._module = module
        self._environment = environment
        self._limits = limits
        self._on_progress = on_progress
        self._transport: asyncio.SubprocessTransport | None = None
        self._exited, self._silent = asyncio.Event(), asyncio.Event()
        self._verdict: RetrainOutcome | None = None
        self._kill_reason = ""
        self._warned = False
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._streams = {1: LineBuffer(self._on_line), 2: LineBuffer(self._tail.append)}

    async def run(self) -> RetrainOutcome:
        """Run it to its end, whatever that is; cancelled, the child is killed."""
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
        """Ask it to end, and kill it after `seconds`; `run` then returns."""
        if self._transport is None or self._exited.is_set():
            return
        self._kill_reason = self._kill_reason or STOPPED
        self._signal(signal.SIGTERM)
        await _wait_at_most(seconds, self._exited)
        self._signal(signal.SIGKILL)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take output of the child; called by asyncio."""
        self._streams[fd].feed(data)

    def pipe_connection_lost(self, fd: int, _error: Exception | None) -> None:
        """Note that a pipe was closed; called by asyncio."""
        if lines := self._streams.pop(fd, None):
            lines.end()
        if not self._streams:
            self._silent.set()

    def process_exited(self) -> None:
        """Kill what the child left behind; called by asyncio."""
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
        """Wait for its end, or kill it where it takes too much."""
        clock = asyncio.get_running_loop().time
        deadline, max_bytes = clock() + self._limits.seconds, self._limits.memory_bytes
        while not self._exited.is_set():
            if clock() > deadline:
                self._kill(f"it was not done after {self._limits.seconds / 60:,.0f} minutes and was ended")
            elif 0 < max_bytes < (held := resident_bytes(pid)):
                self._kill(
                    f"it held {held / 1e6:,.0f} MB of memory and was ended: "
                    f"bot.schedule.memory_mb allows {max_bytes / 1e6:,.0f}"
                )
            await _wait_at_most(POLL_SECONDS, self._exited)

    def _kill(self, reason: str) -> None:
        self._kill_reason = self._kill_reason or reason
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the child and all that it started."""
        if self._transport is not None and not self._exited.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), number)

    def _on_line(self, line: bytes) -> None:
        event = read_event(line)
        if isinstance(event, RetrainProgress):
            self._on_progress(event)
        elif event is not None:
            self._verdict = event
        elif line.strip() and not self._warned:
            self._warned = True  # the line is not logged: it may hold posts
            log.warning("retraining: a line that is no event (%d bytes) is passed over, as others will be", len(line))

    def _outcome(self, code: int | None) -> RetrainOutcome:
        outcome = self._verdict or RetrainOutcome("failed", self._kill_reason or _reason_to_fail(code, self._tail))
        if outcome.verdict == "failed" and self._tail:
            log.error("retraining failed (%s); its last lines:\n%s", outcome.reason, _text(self._tail))
        return outcome


async def _wait_at_most(seconds: float, event: asyncio.Event) -> None:
    """Wait for an event, up to `seconds`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _reason_to_fail(code: int | None, tail: Sequence[bytes]) -> str:
    """Say why it ended, as far as can be seen from outside."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        memory = "; the machine may have run out of memory" if -code == signal.SIGKILL else ""
        return f"it was ended by {name}{memory}"
    errors = [line.removeprefix("dann: ") for line in _text(tail).splitlines() if line.startswith("dann: ")]
    if code and errors:
        return errors[-1]
    return f"it ended with code {code}" if code else "it ended without a verdict"


def _text(tail: Sequence[bytes]) -> str:
    return b"\n".join(tail).decode(errors="replace")


def _cores(count: int) -> list[int]:
    """Return the last `count` of the cores that this process may use, [] for all of them."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return allowed[-count:] if 0 < count < len(allowed) else []


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds; 0 where it is gone or not told."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
