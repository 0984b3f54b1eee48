"""A run's progress at a terminal, and metrics.jsonl. A bar at a terminal, lines elsewhere, always on standard error."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from model.checkpoints.atomic_files import explain_disk_errors
from training.loop.trainer import StepMetrics, TrainProgress
from training.runs.callbacks import Part


class TrainingConsole:
    """A run's Console. All metrics are also logged to metrics.jsonl."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bar = Bar(
            TextColumn("step {task.fields[step]:,}"),
            BarColumn(bar_width=24),
            TextColumn(
                "{task.percentage:3.0f} %  {task.fields[speed]:,.0f} tokens/s  {task.fields[bpb]}  {task.fields[eta]}"
            ),
            console=terminal,
            transient=True,
            disable=not terminal.is_terminal,
        )
        self._task: TaskID = self._bar.add_task("", total=1.0, step=0, speed=0.0, bpb="", eta="compiling")
        self._metrics: Path | None = None
        self._samples: Callable[[Any, int], list[str]] | None = None

    def say(self, line: str) -> None:
        """Print one line."""
        self._terminal.print(line, highlight=False, markup=False, soft_wrap=True)

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:
        """Show the bar, and remember where metrics are logged."""
        self._metrics, self._samples = metrics, samples
        self._bar.start()

    def stepped(self, metrics: StepMetrics) -> None:
        """Move the bar and log the dispatch."""
        left = f"{int(metrics.seconds_left) // 60}:{int(metrics.seconds_left) % 60:02} left"
        self._bar.update(
            self._task, completed=metrics.progress, step=metrics.step, speed=metrics.tokens_per_second, eta=left
        )
        self._log({"event": "step", **_rounded(asdict(metrics))})

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Print and log the score, and print a few samples; where nothing is printed, none are drawn."""
        if progress.score is None or self._samples is None:
            return
        self._bar.update(self._task, bpb=f"{progress.score.bpb:.3f} bits per byte")
        record = {"event": "evaluation", "step": metrics.step, "seconds": round(metrics.seconds, 1)}
        self._log(record | _rounded(asdict(progress.score)))
        self.say(
            f"{metrics.progress:4.0%}  step {metrics.step:,}  loss {metrics.loss:.3f}  "
            f"val {progress.score.bpb:.3f} bits per byte  {metrics.tokens_per_second:,.0f} tokens/s"
        )
        for sentence in () if self._terminal.quiet else self._samples(progress.best, metrics.step):
            self.say(f"      {_one_line(sentence)}")

    def end(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def _log(self, record: dict[str, Any]) -> None:
        if self._metrics:
            with explain_disk_errors(self._metrics), self._metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in figures.items()}


def _one_line(text: str, width: int = 100) -> str:
    flat = " / ".join(text.split("\n"))
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


class UnrecordedConsole(TrainingConsole):
    """A Console of a run that leaves nothing on the disk."""

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:  # noqa: ARG002
        """Show the bar; metrics go nowhere."""
        super().begin(Path(os.devnull), samples)


class RetrainingConsole(TrainingConsole):
    """A RetrainConsole at a terminal."""

    def recorded(self, run: int) -> None:
        """Show nothing."""

    def part(self, part: Part, share: float) -> None:
        """Print the name of a part that starts."""
        if share == 0.0 and part in {"judging", "publishing"}:
            self.say(f"{part} the candidate")
