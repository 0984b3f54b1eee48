"""Stored results of experiments, one per seed; the seeds of one start are a group.

<data>/runs/<name>-<timestamp>-seed<k>/settings.json   all tables, as used
<data>/runs/<name>-<timestamp>-seed<k>/metrics.jsonl   a line per dispatch and a line per evaluation
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
    """Result of one seed. `text_sha256` and `split` identify the text; neither a path nor any text is stored."""

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


def save(folder: Path, result: Result) -> None:
    """Save a result atomically."""
    replace_file(folder / FILE, result.model_dump_json(indent=2).encode())


def folder_of(runs: Path, group: str, seed: int) -> Path:
    """The folder of an experiment's run."""
    return runs / f"{group}-seed{seed}"


def groups(runs: Path) -> dict[str, list[Result]]:
    """Load all finished runs by group, oldest first. Raises DannError for a damaged one."""
    by_group: dict[str, list[Result]] = {}
    for path in sorted(runs.glob(f"*/{FILE}")):
        try:
            result = Result.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DannError(
                f"{path}: is not a result that dann wrote; remove {path.parent} and run it again"
            ) from error
        by_group.setdefault(result.group, []).append(result)
    ordered = sorted(by_group.items(), key=lambda item: item[0].removeprefix(item[1][0].experiment))
    return {group: sorted(results, key=lambda result: result.seed) for group, results in ordered}


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
    file = folder / "metrics.jsonl"
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return [(line["seconds"] / 60, line["bpb"]) for line in lines if line["event"] == "evaluation"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DannError(f"{file}: cannot be read ({error}); run it again, or compare without --plot") from error
