"""Where JAX's persistent compilation cache is: a second start is seconds faster. Imports no JAX.

The cache holds programs and never a post, may be removed at any time, and is bounded by JAX itself, which removes the least
recently used first.
"""

import hashlib
import os
import warnings
from pathlib import Path

MOST_BYTES = 256 << 20
WORTH_SECONDS = 0.1
"""A program that compiles faster than this is not worth a file."""


def use_compilation_cache(folder: Path) -> None:
    """Cache programs under `folder`, for every JAX that starts in this process or its children from now on.

    Each kind of processor has a folder of its own there: another's programs may not run here, should the data move. JAX's
    own environment variables take precedence.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    os.environ |= {
        "JAX_COMPILATION_CACHE_DIR": str(folder / _processor()),
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(MOST_BYTES),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": str(WORTH_SECONDS),
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    # A full disk or a file cut short by a kill costs the time to compile; there is nothing else to do about it here.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")


def _processor() -> str:
    """A short name of this processor's kind and features."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = [os.uname().machine]
    kind = {line for line in lines if line.startswith(("flags", "Features", "model name"))}
    return hashlib.sha256("\n".join(sorted(kind)).encode()).hexdigest()[:12]
