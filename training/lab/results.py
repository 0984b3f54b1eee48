"""Finished runs of experiments, as they lie under <data>/runs: one result a seed, seeds of one start a group.

<data>/runs/<name>-<timestamp>-seed<k>/settings.json   all tables, as used
<data>/runs/<name>-<timestamp>-seed<k>/metrics.jsonl   a line a dispatch and a line an evaluation
<data>/runs/<name>-<timestamp>-seed<k>/samples.txt     about 1,000 characters
<data>/runs/<name>-<timestamp>-seed<k>/result.json     Result; written last, so a folder without it is no finished run
"""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError

FILE = "result.json"


class Result(BaseModel):
    """What one seed brought. `text_sha256` and `split` say of which text; no path and no text is kept."""

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
    params: int
    steps: int
    tokens_per_second: int
    seconds: float
    code_version: str


def save(folder: Path, result: Result) -> None:
    """Write a result, whole or not at all."""
    replace_file(folder / FILE, result.model_dump_json(indent=2).encode())


def folder_of(runs: Path, group: str, seed: int) -> Path:
    """Where a run of an experiment is kept."""
    return runs / f"{group}-seed{seed}"


def groups(runs: Path) -> dict[str, list[Result]]:
    """All finished runs by group, oldest first, and each group's by seed. Raises DannError for a damaged one."""
    found: dict[str, list[Result]] = {}
    for path in sorted(runs.glob(f"*/{FILE}")):
        try:
            result = Result.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DannError(f"{path}: is no result that dann wrote; remove {path.parent} and run it again") from error
        found.setdefault(result.group, []).append(result)
    ordered = sorted(found.items(), key=lambda item: item[0].removeprefix(item[1][0].experiment))
    return {group: sorted(results, key=lambda result: result.seed) for group, results in ordered}


def newest(runs: Path, name: str) -> list[Result]:
    """The results of experiment `name` when it was last run, or of the group `name`. Raises DannError if there are none."""
    found = groups(runs)
    stem = Path(name).stem if name.endswith(".toml") else name
    named = [results for group, results in found.items() if stem in {group, results[0].experiment}]
    if not named:
        known = ", ".join(sorted({results[0].experiment for results in found.values()})) or "none yet"
        raise DannError(f"{name}: no finished run under {runs}; there are: {known}; run it with `dann experiment run`")
    return named[-1]


def curve(folder: Path) -> list[tuple[float, float]]:
    """(minutes, bits per byte of the quick part of val) at each evaluation of a run."""
    lines = (json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return [(line["seconds"] / 60, line["bpb"]) for line in lines if line["event"] == "evaluation"]
