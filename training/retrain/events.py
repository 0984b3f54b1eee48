"""A retraining told to the process that started it: one JSON object a line on standard output (`dann retrain --events`).

    {"event": "progress", "part": "reading", "share": 0.0, "val_bpb": null, "run": 7}
    {"event": "verdict", "verdict": "published", "reason": "...", "candidate": "...", ...}

`run` is the row that records it, by which its end can be recorded where it could not do so itself. What people are told goes
to the log, on standard error. No line holds a post.
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
    """Lines on the standard output that the process began with; whatever else writes there goes to standard error."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out: TextIO = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)

    def progress(self, progress: RetrainProgress) -> None:
        """Write a line of progress."""
        self._write("progress", progress)

    def verdict(self, outcome: RetrainOutcome) -> None:
        """Write the last line."""
        self._write("verdict", outcome)

    def _write(self, event: str, record: RetrainProgress | RetrainOutcome) -> None:
        self._out.write(json.dumps({"event": event, **asdict(record)}) + "\n")


class EventConsole:
    """A RetrainConsole: a line whenever a part begins or ends, and in between one a second at most."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._run: int | None = None
        self._bpb: float | None = None
        self._last = float("-inf")

    def say(self, line: str) -> None:
        """Console: to the log."""
        logging.getLogger("dann.retrain").info(line)

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:
        """Console: nobody reads its metrics or its samples."""

    def recorded(self, run: int) -> None:
        """RetrainConsole."""
        self._run = run

    def part(self, part: Part, share: float) -> None:
        """RetrainConsole."""
        self._last = time.monotonic()
        self._events.progress(RetrainProgress(part, round(share, 4), self._bpb, self._run))

    def stepped(self, metrics: StepMetrics) -> None:
        """Console."""
        if time.monotonic() - self._last >= SECONDS_APART:
            self.part("learning", metrics.progress)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Console."""
        if progress.score is not None:
            self._bpb = progress.score.bpb
            self.part("learning", metrics.progress)

    def end(self) -> None:
        """Console."""
