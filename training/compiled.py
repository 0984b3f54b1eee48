"""Compiled programs, kept from one command to the next: a second start is seconds faster. Imports no JAX.

JAX does the keeping (its persistent compilation cache); this says where. It holds programs and never a post, may be removed
at any time, and is tidied by JAX itself: what was used longest ago goes first.
"""

import hashlib
import os
import warnings
from pathlib import Path

MOST_BYTES = 256 << 20
WORTH_SECONDS = 0.1
"""What compiles faster than this is not worth a file."""


def use_compilation_cache(folder: Path) -> None:
    """Keep programs under `folder`, for every JAX that starts in this process or below it from now on.

    Each kind of processor has a place of its own there: another one's programs may not run here, should the data move.
    Whoever has said in JAX's own variables where programs are kept is obeyed.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    os.environ |= {
        "JAX_COMPILATION_CACHE_DIR": str(folder / _processor()),
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(MOST_BYTES),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": str(WORTH_SECONDS),
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    # A full disk or a file cut short by a kill costs the time to compile, and nobody can do anything about it here.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")


def _processor() -> str:
    """A short name of what this machine's processor can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = [os.uname().machine]
    kind = {line for line in lines if line.startswith(("flags", "Features", "model name"))}
    return hashlib.sha256("\n".join(sorted(kind)).encode()).hexdigest()[:12]
