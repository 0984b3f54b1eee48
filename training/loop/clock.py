"""How much of a run is over and how fast it goes. Knows no network."""

import time
from dataclasses import dataclass

import numpy as np

from training.config.tables import TrainConfig

DISPATCH_STEPS = 32
"""Most steps in one dispatch to the device."""
DISPATCH_SECONDS = 0.5
"""What a dispatch should take: long enough to cost nothing, short enough to stop and to show progress."""


@dataclass
class Clock:
    """How much of a run is over. With `steps` or `epochs` set, by steps (exactly repeatable); otherwise by the minutes.

    `started` is the time.monotonic() at which the minutes began, `before` the seconds a resumed run had already used.
    `fit` tells how many steps an epoch has.
    """

    config: TrainConfig
    started: float
    seconds_before: float = 0.0
    step_seconds: float = 1.0
    steps_per_epoch: int = 1

    @property
    def steps(self) -> int:
        """Steps after which the run is over; 0 where the minutes say."""
        return self.config.steps or self.config.epochs * self.steps_per_epoch

    @property
    def seconds(self) -> float:
        """Seconds this run has taken, over all its sittings."""
        return time.monotonic() - self.started + self.seconds_before

    def seconds_left(self, step: int) -> float:
        """Seconds until the run is over."""
        if self.steps:
            return (self.steps - step) * self.step_seconds
        return max(0.0, self.config.minutes * 60 - self.seconds)

    def next_progress(self, step: int) -> np.ndarray:
        """The progress `[n]` of each step of the next dispatch, in (0, 1]; empty when the run is over.

        The rate decays with it, so that it reaches zero when the minutes are up, however fast the machine turned out.
        """
        count = max(1, min(DISPATCH_STEPS, int(DISPATCH_SECONDS / self.step_seconds)))
        following = np.arange(1, count + 1)
        if self.steps:
            return (step + following[: self.steps - step]) / self.steps
        budget = self.config.minutes * 60
        if self.seconds >= budget:
            return np.empty(0)
        progress = (self.seconds + self.step_seconds * following) / budget
        return np.append(progress[progress < 1.0], 1.0) if progress[-1] >= 1.0 else progress

    def epochs(self, step: int, count: int) -> np.ndarray:
        """In which epoch `[count]`, from 0 on, each of the next `count` steps after `step` is."""
        return (step + np.arange(count)) // self.steps_per_epoch


@dataclass
class Speed:
    """Tokens a second over a run, the first dispatch left out because it compiles."""

    tokens_per_step: int
    steps: int = 0
    seconds: float = 0.0
    _compiled: bool = False

    def record(self, steps: int, seconds: float) -> float:
        """Count a dispatch; returns the seconds a step of it took."""
        if self._compiled:
            self.steps += steps
            self.seconds += seconds
        self._compiled = True
        return seconds / steps

    @property
    def tokens_per_second(self) -> float:
        """The mean so far; 0 before there is one."""
        return self.steps * self.tokens_per_step / self.seconds if self.seconds else 0.0
