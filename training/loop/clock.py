"""A run's progress in time or steps, and its speed. Knows no network."""

import time
from dataclasses import dataclass

import numpy as np

from training.config.tables import TrainConfig

DISPATCH_STEPS = 32
"""Most steps in one dispatch to the device."""
DISPATCH_SECONDS = 0.5
"""Target length of a dispatch: long enough to cost nothing, short enough to stop and to show progress."""


@dataclass
class Clock:
    """Progress of a run: by steps (exactly repeatable) where `steps`, `tokens` or `epochs` is set, otherwise by the minutes.

    With `most_epochs`, by the minutes or by passes over the text, whichever is further.

    `started` is the time.monotonic() at which the minutes began, `seconds_before` what a resumed run had already used.
    `fit` sets `steps_per_epoch` and `tokens_per_step`.
    """

    config: TrainConfig
    started: float
    seconds_before: float = 0.0
    step_seconds: float = 1.0
    steps_per_epoch: int = 1
    tokens_per_step: int = 1

    @property
    def steps(self) -> int:
        """Steps after which the run is over; 0 where the minutes decide."""
        by_tokens = -(-self.config.tokens // self.tokens_per_step)
        return self.config.steps or by_tokens or self.config.epochs * self.steps_per_epoch

    @property
    def most_steps(self) -> int:
        """Steps after which the run is over although there are minutes left; 0 for any number."""
        return self.config.most_epochs * self.steps_per_epoch

    @property
    def seconds(self) -> float:
        """Seconds this run has taken, those before a resume included."""
        return time.monotonic() - self.started + self.seconds_before

    def seconds_left(self, step: int) -> float:
        """Seconds until the run is over."""
        if self.steps:
            return (self.steps - step) * self.step_seconds
        left = max(0.0, self.config.minutes * 60 - self.seconds)
        return min(left, (self.most_steps - step) * self.step_seconds) if self.most_steps else left

    def next_progress(self, step: int) -> np.ndarray:
        """The progress `[n]` of each step of the next dispatch, in (0, 1]; empty when the run is over.

        The learning rate decays with it, so that it reaches zero when the minutes are up, however fast the machine is. By
        steps, a dispatch ends where an evaluation is due, so that the same steps are scored on a fast machine and a slow one.
        """
        count = max(1, min(DISPATCH_STEPS, int(DISPATCH_SECONDS / self.step_seconds)))
        following = np.arange(1, count + 1)
        if self.steps:
            by_steps = (step + following[: self.steps - step]) / self.steps
            due = by_steps * self.config.evaluations >= int(step / self.steps * self.config.evaluations) + 1
            return by_steps[: int(due.argmax()) + 1] if due.any() else by_steps
        budget = self.config.minutes * 60
        if self.seconds >= budget or 0 < self.most_steps <= step:
            return np.empty(0)
        progress = (self.seconds + self.step_seconds * following) / budget
        if self.most_steps:
            progress = np.maximum(progress, (step + following) / self.most_steps)
        return np.append(progress[progress < 1.0], 1.0) if progress[-1] >= 1.0 else progress

    def epochs(self, step: int, count: int) -> np.ndarray:
        """The epoch `[count]`, from 0 on, of each of the `count` steps after `step`."""
        return (step + np.arange(count)) // self.steps_per_epoch


@dataclass
class Speed:
    """Tokens per second over a run, without the first dispatch, which compiles."""

    tokens_per_step: int
    steps: int = 0
    seconds: float = 0.0
    _compiled: bool = False

    def record(self, steps: int, seconds: float) -> float:
        """Add a dispatch; returns its seconds per step."""
        if self._compiled:
            self.steps += steps
            self.seconds += seconds
        self._compiled = True
        return seconds / steps

    @property
    def tokens_per_second(self) -> float:
        """The mean so far; 0 before the second dispatch."""
        return self.steps * self.tokens_per_step / self.seconds if self.seconds else 0.0
