"""What a benchmark hands back, and how it is printed: Markdown for people, the same figures for machines."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.bench.rounds.children import Quartiles

LIBRARIES = ("jax", "flax", "numpy", "torch")


@dataclass(frozen=True)
class Report:
    """`text` is Markdown; `figures` is what `--json` keeps."""

    text: str
    figures: Any


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is a number's."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def spread(found: Quartiles, form: str = ".2f") -> str:
    """A median with its quartiles."""
    return f"{found.middle:{form}} ({found.low:{form}}–{found.high:{form}})"


def machine() -> dict[str, Any]:
    """This machine, today: what a figure is worth nothing without."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: installed for name in LIBRARIES if (installed := library(name))},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
    }


def heading(found: dict[str, Any]) -> str:
    """One line about the machine."""
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, {found['system']}, {found['date']}; Python {found['python']}, "
        f"{libraries}; load when begun {found['load']:.2f}"
    )


def processor() -> str:
    """The processor's name, as the system has it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def library(name: str) -> str:
    """A library's version, or nothing where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
