"""Event lines of a retraining for its parent process (`dann retrain --events`).

    {"event": "progress", "part": "reading", "share": 0.0, "val_bpb": null, "run": 7}
    {"event": "verdict", "verdict": "published", "reason": "...", "candidate": "...", ...}

`run` is the id of the row that records it, so that the parent can record the outcome of a child that was killed. Lines for
people go to the log, on standard error. No line holds a post.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from training.loop.trainer import StepMetrics, TrainProgress
from training.runs.callbacks import Part
from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

SECONDS_APART = 1.0


class Events:
    """Writer of event lines to the process's standard output; all else written there goes to standard error from then on."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out: TextIO = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)

    def write(self, record: RetrainProgress | RetrainOutcome) -> None:
        """Write a line: progress, or in the end the verdict."""
        event = "progress" if isinstance(record, RetrainProgress) else "verdict"
        self._out.write(json.dumps({"event": event, **asdict(record)}) + "\n")


class EventConsole:
    """A RetrainConsole that writes an event per start or end of a part, and one a second."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._run: int | None = None
        self._bpb: float | None = None
        self._last = float("-inf")

    def say(self, line: str) -> None:
        """Console: log the line."""
        logging.getLogger("dann.retrain").info(line)

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:
        """Console: ignore metrics and samples."""

    def recorded(self, run: int) -> None:
        """RetrainConsole: name the row in every later event."""
        self._run = run

    def part(self, part: Part, share: float) -> None:
        """RetrainConsole: write an event."""
        self._last = time.monotonic()
        self._events.write(RetrainProgress(part, round(share, 4), self._bpb, self._run))

    def stepped(self, metrics: StepMetrics) -> None:
        """Console: write an event, if the last is old enough."""
        if time.monotonic() - self._last >= SECONDS_APART:
            self.part("learning", metrics.progress)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Console: write an event with the new score."""
        if progress.score is not None:
            self._bpb = progress.score.bpb
            self.part("learning", metrics.progress)

    def end(self) -> None:
        """Console: write nothing."""
