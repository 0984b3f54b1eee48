"""Start of a retraining child: lower its priority, pin its cores, and die with its parent.

Then become the module it was started for: `python -m bot.retraining.child_main PARENT NICENESS CORES MODULE ARGUMENT ...`,
with a pipe from the parent as standard input. Not done between fork and exec, where the parent's threads may have left locks
held for good. Knows neither training nor the bot, and imports nothing that takes time.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""From Linux's prctl.h: the signal to receive when the parent dies."""
OOM_SCORE = "1000"
"""For Linux's oom_score_adj: when memory runs out, this process is killed and not the one that serves."""


def main() -> None:
    """Set up this process and run the module."""
    parent, niceness, cores, module, *arguments = sys.argv[1:]
    _die_with(int(parent))
    _give_way(int(niceness), {int(core) for core in cores.split(",") if core})
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_with(parent: int) -> None:
    """Die when the parent does: Linux sends a signal, and everywhere the pipe closes."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_exit_when_pipe_closes, daemon=True).start()
    if os.getppid() != parent:  # it died before the signal was asked for
        os.kill(os.getpid(), signal.SIGKILL)


def _exit_when_pipe_closes() -> None:
    with suppress(OSError):
        while os.read(0, 1024):
            pass
    os.kill(os.getpid(), signal.SIGKILL)


def _give_way(niceness: int, cores: set[int]) -> None:
    """Lower the priority and pin the cores (none: all), by which JAX counts its devices."""
    os.nice(niceness)
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


if __name__ == "__main__":
    main()
