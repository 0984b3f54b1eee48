"""Is anybody else at work on this machine? Asked while every contender waits, from the system's own account.

It matters which way it errs: threads that wait for each other at every product (PyTorch's) lose far more to a stranger
than those that do not, so that a busy machine flatters us.
"""

from collections.abc import Sequence
from pathlib import Path

STAT = Path("/proc/stat")
QUIET = 0.05
"""The share of all cores that may be at work while everybody waits, for the figures to be worth quoting."""


def ticks() -> tuple[int, int]:
    """Ticks of all cores since the system began: those at work (or taken by another virtual machine), and all of them.

    Zeros where the system does not tell.
    """
    if not STAT.exists():
        return 0, 0
    user, nice, system, idle, waiting, *rest = (int(part) for part in STAT.read_text().splitlines()[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy, busy + idle + waiting


def warning(shares: Sequence[float]) -> str:
    """What to print above figures that were taken while others worked; nothing where the machine was quiet."""
    worst = max(shares, default=0.0)
    if worst <= QUIET:
        return ""
    return (
        f"**Do not quote: other work took up to {worst:.0%} of the machine.** PyTorch's threads wait for each other and "
        "suffer most from it, so that the ratios flatter us.\n\n"
    )
