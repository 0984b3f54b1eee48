"""What a result says of where and by which code it was made; nothing of it tells a person or a host by name."""

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

CPU_INFO = Path("/proc/cpuinfo")
ROOT = Path(__file__).parents[2]
"""Of the source tree, where this is one."""
COMPARED = ("model/architectures", "training/loop")
"""What somebody works on who compares: networks and optimizers."""
CODE = ("model", "training", "bot", "experiments", "pyproject.toml", "requirements.lock")
"""What a run depends on; a note beside it does not make a tree unclean."""


class Machine(BaseModel):
    """Cores that may be used, the processor's model, and a digest of both and its instructions: alike in speed, by name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cores: int
    processor: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.cores} core{'s' if self.cores > 1 else ''}, {self.processor}"


class Code(BaseModel):
    """The commit of the source tree, "" where there is none; `clean` where nothing had been changed since."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    commit: str = ""
    clean: bool = True

    def __str__(self) -> str:
        return (self.commit[:12] or "no commit known") + ("" if self.clean else ", changed since")


@cache
def this_machine() -> Machine:
    """Describe this machine, as far as the system tells."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    processor = facts.get("model name") or facts.get("Hardware") or os.uname().machine
    cores = usable_cores()
    known = [processor, str(cores), *sorted((facts.get("flags") or facts.get("Features") or "").split())]
    digest = hashlib.sha256("\n".join(known).encode()).hexdigest()
    return Machine(cores=cores, processor=processor, fingerprint=digest[:12])


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def this_code() -> Code:
    """Ask git for the commit of the source tree that runs; an installed dann has none."""
    if not (ROOT / ".git").exists():
        return Code()
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", *CODE)
    return Code(commit=commit or "", clean=changed == "") if commit else Code()


@cache
def compared_code() -> str:
    """SHA-256 over the sources in COMPARED: runs before and after a change there are not of one kind."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in COMPARED for file in (ROOT / folder).rglob("*.py")):
        digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _git(*arguments: str) -> str | None:
    """What git prints, None where it cannot be asked."""
    try:
        asked = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
