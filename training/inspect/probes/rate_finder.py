"""The learning-rate finder: rates that rise from step to step, and the loss at each (Smith, 1506.01186). Also speed."""

import time
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject
from training.loop import step as loop_step
from training.loop.clock import DISPATCH_STEPS

RANGES = {"adamw": (1e-5, 1.0), "rmsprop": (1e-5, 1.0), "sgd": (1e-3, 100.0)}
SWEEP_STEPS = 4 * DISPATCH_STEPS
SMOOTH = 8
TOO_HIGH, TOO_LOW = 1.0, 150.0
"""Above so many times the rate of the least loss, or so many times below it, a configured rate is off. In so short a run the
least loss is at a rate 10 to 40 times as large as pays in a long one."""
SPEED_ROUNDS = 5


class RateFinder:
    """One run over rising rates, and the same loop's speed beside the LSTM's."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.config = subject.train.model_copy(
            update={"random_offsets": False, "resets": 0.0, "windows": "stream", "precision": "float32"}
        )

    @cached_property
    def curve(self) -> list[tuple[float, float]]:
        """Pairs of learning rate and the loss after a step at it, smoothed; it ends where the loss blows up."""
        stream, model = self.subject.dataset.train, self.subject.build()
        lowest, highest = RANGES.get(self.config.optimizer, (1e-5, 1.0))
        rates = np.geomspace(lowest, highest, SWEEP_STEPS).astype(np.float32)
        dispatch = loop_step.make_dispatch(model, self.config, stream)
        state, losses = loop_step.initial_state(model, self.config, stream), []
        for start in range(0, SWEEP_STEPS, DISPATCH_STEPS):
            state, rows = dispatch(state, rates[start : start + DISPATCH_STEPS], DISPATCH_STEPS)
            losses += np.asarray(rows)[:, 0].tolist()
        usable = next(
            (n for n, loss in enumerate(losses) if not np.isfinite(loss) or loss > 3 * losses[0]), len(losses)
        )
        kept = np.asarray(losses[: max(usable, SMOOTH + 1)])
        smooth = np.convolve(kept, np.ones(SMOOTH) / SMOOTH, mode="valid")
        return list(zip(rates[SMOOTH - 1 :].tolist(), smooth.tolist(), strict=False))

    @property
    def best(self) -> float:
        """The rate at which the loss was least."""
        return min(self.curve, key=lambda point: point[1])[0]

    @property
    def blows_up(self) -> float:
        """The first rate above the best at which the loss is back where it began; the highest tried if none is."""
        start = self.curve[0][1]
        return next((rate for rate, loss in self.curve if rate > self.best and loss > start), self.curve[-1][0])

    def speed(self) -> dict[str, float]:
        """Tokens per second of the training loop, and the LSTM's of this size: the best of some dispatches, taken in turn."""
        runs: dict[str, list[Any]] = {}
        for name, model in {"this": self.subject.build(), "lstm": self.subject.build(architecture="lstm")}.items():
            dispatch = loop_step.make_dispatch(model, self.config, self.subject.dataset.train)
            state = loop_step.initial_state(model, self.config, self.subject.dataset.train)
            runs[name] = [dispatch, state, 0.0]
        rates = np.zeros(DISPATCH_STEPS, np.float32)
        for _ in range(SPEED_ROUNDS):
            for run in runs.values():
                started = time.perf_counter()
                run[1], rows = run[0](run[1], rates, DISPATCH_STEPS)
                np.asarray(rows)
                tokens = DISPATCH_STEPS * self.subject.rows * self.subject.steps
                run[2] = max(run[2], tokens / (time.perf_counter() - started))
        return {name: run[2] for name, run in runs.items()}


def probe_rate(finder: RateFinder) -> Iterator[InspectionFinding]:
    """The configured rate is neither where the loss blows up nor far below where it falls."""
    if finder.subject.snapshot is not None:  # what is learned already is best left alone: no rate is low enough
        return
    own, best, edge = finder.config.learning_rate, finder.best, finder.blows_up
    seen = f"train.learning_rate is {own:g}; the finder's least loss is at {best:.2g}, and it blows up at {edge:.2g}"
    measured = {"configured": own, "best": best, "edge": edge}
    if own > TOO_HIGH * best:
        yield InspectionFinding(
            "rate-too-high", seen, "train.learning_rate in config.toml", measured=measured, symptom=True
        )
    elif own < best / TOO_LOW:
        yield InspectionFinding(
            "rate-too-low", seen, "train.learning_rate in config.toml", measured=measured, symptom=True
        )


PROBES = (probe_rate,)
