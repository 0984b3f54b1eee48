"""Callbacks by which a run reports its progress; terminal.py and events.py implement them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

from training.loop.trainer import StepMetrics, TrainProgress


class Console(Protocol):
    """Receiver of a run's lines, metrics and evaluations."""

    def say(self, line: str) -> None:
        """Show one line."""

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:
        """Training starts; metrics belong in `metrics`, and `samples(average, seed)` draws replies."""

    def stepped(self, metrics: StepMetrics) -> None:
        """A dispatch is done."""

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """An evaluation is done."""

    def end(self) -> None:
        """Training is over, whatever ended it."""


Part = Literal["reading", "learning", "judging", "publishing"]


class RetrainConsole(Console, Protocol):
    """Receiver of a retraining's progress."""

    def recorded(self, run: int) -> None:
        """The run has a row in the store, and nothing else is done yet."""

    def part(self, part: Part, share: float) -> None:
        """A share of a part, from 0 to 1, is done; within "learning", `stepped` says more."""
