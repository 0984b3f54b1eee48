"""A run whose files are damaged is refused in one line, or does without what it can do without."""

import sys
from dataclasses import fields
from pathlib import Path

import pytest
from rich.console import Console

from model.errors import DannError
from tests.training.small_runs import small_settings
from training.lab import results
from training.loop.trainer import StepMetrics
from training.runs.resumable_run import CurveRecorder
from training.runs.terminal import TrainingConsole
from training.runs.train import resume_last


@pytest.mark.parametrize("written", [None, b"", b"{", b"[]", b"\xff", b'{"train": {"minutes": -1}}', b'{"train": 3}'])
def test_a_run_with_other_settings_than_it_saved_is_not_resumed(tmp_path: Path, written: bytes | None) -> None:
    run = tmp_path / "runs" / "20300101-000000"
    run.mkdir(parents=True)
    (run / "resume.safetensors").write_bytes(b"")
    if written is not None:
        (run / "settings.json").write_bytes(written)
    console = TrainingConsole(Console(file=sys.stderr))
    with pytest.raises(
        DannError, match=r"20300101-000000: cannot be resumed \(.+\); run `dann train` without --resume"
    ):
        resume_last(small_settings(tmp_path), [], console, lambda: False)


@pytest.mark.parametrize("written", ["", "{}", "[[1, 2]]", "\xff"])
def test_a_damaged_curve_begins_again(tmp_path: Path, written: str) -> None:
    (tmp_path / "curve.json").write_bytes(written.encode("latin-1"))
    assert CurveRecorder(tmp_path / "curve.json").points == []


@pytest.mark.parametrize("written", [None, b"{", b"[]\n", b'{"event": "evaluation"}\n', b"\xff"])
def test_metrics_that_cannot_be_read_are_named(tmp_path: Path, written: bytes | None) -> None:
    if written is not None:
        (tmp_path / "metrics.jsonl").write_bytes(written)
    with pytest.raises(DannError, match=r"metrics\.jsonl: cannot be read .+ or compare without --plot"):
        results.curve(tmp_path)


def test_metrics_that_find_no_room_are_one_line() -> None:
    console = TrainingConsole(Console(file=sys.stderr, quiet=True))
    console.begin(Path("/dev/full"), lambda _state, _step: [])
    with pytest.raises(DannError, match=r"^/dev/full: no room left to save it; free some space and try again"):
        console.stepped(StepMetrics(**dict.fromkeys((field.name for field in fields(StepMetrics)), 1)))
    console.end()
