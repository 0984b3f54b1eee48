"""Stored results of experiments, one per seed; the seeds of one start are a group.

<data>/runs/<name>-<timestamp>-seed<k>/settings.json   all tables, as used
<data>/runs/<name>-<timestamp>-seed<k>/metrics.jsonl   a line per dispatch and a line per evaluation
<data>/runs/<name>-<timestamp>-seed<k>/samples.txt     about 1,000 characters
<data>/runs/<name>-<timestamp>-seed<k>/result.json     Result; written last, so a folder without it is no finished run
<data>/runs/<name>-<timestamp>-seed<k>/ended.json      Ended, instead of it, of a run of a sweep that was given up
<data>/runs/<name>-<timestamp>/plan.json               of a sweep, whose runs are <name>-<timestamp>-<number>-seed<k>
"""

import json
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.lab.machine import Code, Machine

FILE = "result.json"
ENDED = "ended.json"
STAMP = re.compile(r"(?<!\d)\d{8}-\d{6}(?!\d)")
"""As of run_names.py."""


class Result(BaseModel):
    """Result of one seed. `text_sha256` and `split` identify the text; neither a path nor any text is stored.

    Of a run in a sweep, `sweep` names the sweep, `variant` what is compared and `tuned` what of it was tuned. `by` is what
    ended the run, `machine` where it ran, `overrides` are the --set options, `seeds_wanted` how many seeds were asked for (0:
    not known), and seeds of one `identity` may stand in one group (run.py). `cpu_seconds` is the processor's time, which
    other work changes little; `ready_seconds` the time from the start of the process to the end of training.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    experiment: str
    group: str
    question: str
    seed: int
    text_sha256: str
    split: str
    val_reset_nats_per_char: float | None
    val_stateful_nats_per_char: float | None
    val_bpb: float
    val_mixed_nats_per_char: float | None = None
    listening: float | None = None
    params: int
    steps: int
    tokens_per_second: int
    seconds: float
    code_version: str
    sweep: str = ""
    variant: str = ""
    tuned: dict[str, Any] = Field({})
    by: str = ""
    machine: Machine | None = None
    code: Code = Code()
    overrides: list[str] = Field([])
    seeds_wanted: int = 0
    identity: str = ""
    matters: float = 0.005
    cpu_seconds: float | None = None
    ready_seconds: float | None = None

    @property
    def figure(self) -> float:
        """The figure to compare by: nats per character of a text, bits per byte of posts."""
        return self.val_bpb if self.val_reset_nats_per_char is None else self.val_reset_nats_per_char


class Ended(BaseModel):
    """A run of a sweep that ended without a result, and why: far behind the others, or a loss that was not finite."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ending: Literal["early", "diverged"]
    message: str
    cpu_seconds: float = 0.0


def save(folder: Path, result: Result) -> None:
    """Save a result atomically."""
    replace_file(folder / FILE, result.model_dump_json(indent=2).encode())


def folder_of(runs: Path, group: str, seed: int) -> Path:
    """The folder of an experiment's run."""
    return runs / f"{group}-seed{seed}"


def outcome(folder: Path) -> Result | Ended | None:
    """What a run came to, None where it is not finished. Raises DannError for a damaged file."""
    if (folder / FILE).is_file():
        return _read(folder / FILE, Result)
    return _read(folder / ENDED, Ended) if (folder / ENDED).is_file() else None


R = TypeVar("R", bound=BaseModel)


def _read(path: Path, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DannError(f"{path}: is not a result that dann wrote; remove {path.parent} and run it again") from error


def groups(runs: Path) -> dict[str, list[Result]]:
    """Load all finished runs by group, oldest first. Raises DannError for a damaged one."""
    by_group: dict[str, list[Result]] = {}
    for path in sorted(runs.glob(f"*/{FILE}")):
        result = _read(path, Result)
        by_group.setdefault(result.group, []).append(result)
    ordered = sorted(by_group.items(), key=lambda item: _age(item[0]))
    return {group: sorted(results, key=lambda result: result.seed) for group, results in ordered}


def started_at(group: str) -> str:
    """The timestamp in the name of a group or sweep, "" where there is none."""
    found = STAMP.findall(group)
    return str(found[-1]) if found else ""


def _age(group: str) -> tuple[str, list[int], str]:
    """What sorts groups by age: the timestamp in their names, then the numbers behind it."""
    stamp = started_at(group)
    numbers = re.findall(r"\d+", group.rpartition(stamp)[2]) if stamp else []
    return stamp, [int(number) for number in numbers], group


def newest(runs: Path, name: str) -> list[Result]:
    """Results of the newest run of experiment `name`, or of the group `name`. Raises DannError if there are none."""
    by_group = groups(runs)
    stem = Path(name).stem if name.endswith(".toml") else name
    matching = [results for group, results in by_group.items() if stem in {group, results[0].experiment}]
    if not matching:
        available = ", ".join(sorted({results[0].experiment for results in by_group.values()})) or "none yet"
        raise DannError(
            f"{name}: no finished run under {runs}; there are: {available}; run it with `dann experiment run`"
        )
    return matching[-1]


def curve(folder: Path) -> list[tuple[float, float]]:
    """Learning curve of a run: minutes and bits per byte of the quick part of val. Raises DannError if it is damaged."""
    return [(seconds / 60, bpb) for seconds, _, bpb in evaluations(folder)]


def evaluations(folder: Path) -> list[tuple[float, int, float]]:
    """Seconds, step, and bits per byte of the quick part of val at each evaluation. Raises DannError if it is damaged."""
    file = folder / "metrics.jsonl"
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return [(line["seconds"], line["step"], line["bpb"]) for line in lines if line["event"] == "evaluation"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DannError(f"{file}: cannot be read ({error}); run it again, or compare without --plot") from error
