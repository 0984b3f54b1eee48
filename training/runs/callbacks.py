"""Where a run tells what it does, as those who run see it; terminal.py and events.py are two that listen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

from training.loop.trainer import StepMetrics, TrainProgress


class Console(Protocol):
    """Where a run tells what it does."""

    def say(self, line: str) -> None:
        """Tell one line."""

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:
        """Training starts: its figures go to `metrics`, and `samples(average, seed)` draws a few sentences."""

    def stepped(self, metrics: StepMetrics) -> None:
        """A dispatch is done."""

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """An evaluation is done."""

    def end(self) -> None:
        """Training is over, however it ended."""


Part = Literal["reading", "learning", "judging", "publishing"]


class RetrainConsole(Console, Protocol):
    """Where a retraining tells what it does."""

    def begun(self, run: int) -> None:
        """It is recorded as this row of the store, and nothing is done yet."""

    def part(self, part: Part, share: float) -> None:
        """So much of a part, from 0 to 1, is done; of "learning", `stepped` tells more."""
