"""The training loop: `fit` reads in the order things happen. Knows no posts, no files and no terminal."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import jax
import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from training.config.tables import TrainConfig
from training.data.dataset import Dataset
from training.loop import multihost
from training.loop.clock import DISPATCH_STEPS, Clock, Speed
from training.loop.optimizer import learning_rates
from training.loop.scoring import Evaluator, Score
from training.loop.step import TrainState, initial_state, make_dispatch, num_streams, steps_per_epoch


@dataclass
class TrainProgress:
    """The progress of a run: `best` are the best averaged weights so far, on the host, `score` the newest score."""

    step: int = 0
    seconds: float = 0.0
    score: Score | None = None
    best: Any = None
    best_score: Score | None = None
    next_evaluation: int = 1

    def record_evaluation(self, score: Score, average: Any, evaluation: float) -> None:
        """Keep `average` if none was better, and count evaluation number `evaluation` as done."""
        self.score = score
        self.next_evaluation = int(evaluation) + 1
        if self.best_score is None or score.bpb <= self.best_score.bpb:
            self.best, self.best_score = jax.device_get(average), score


@dataclass(frozen=True)
class StepMetrics:
    """Figures of one dispatch.

    Means of the loss (nats per counted token) and of the gradient norm before clipping; the last step's learning rate;
    progress through the run, in [0, 1]; tokens per second; the seconds taken and left.
    """

    step: int
    loss: float
    grad_norm: float
    learning_rate: float
    progress: float
    tokens_per_second: float
    seconds: float
    seconds_left: float


Ending = Literal["done", "stopped", "diverged"]


@dataclass(frozen=True)
class Fit:
    """The result of a run: how it ended, and its best weights with their score on the quick part of val."""

    ending: Ending
    progress: TrainProgress
    tokens_per_second: float


class Listener(Protocol):
    """Callbacks of `fit`."""

    def stepped(self, metrics: StepMetrics) -> None:
        """Called after each dispatch."""

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Called after each evaluation of the averaged weights: `progress.score`."""

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Called when it is time to save the state that resuming needs."""


def fit(
    model: LanguageModel,
    dataset: Dataset,
    config: TrainConfig,
    clock: Clock,
    listener: Listener,
    stopping: Callable[[], bool],
    resumed: tuple[TrainState, TrainProgress] | None = None,
) -> Fit:
    """Train until the clock is up, `stopping()` is true, or the loss is not finite; returns the best weights.

    The best are the averages with the fewest bits per byte on the quick part of val, scored `config.evaluations` times.
    Several hosts do all of it together; raises DannError where their text or settings differ.
    """
    multihost.check_same(model.config, config, dataset)
    dispatch = make_dispatch(model, config, dataset.train)
    score = Evaluator(nnx.graphdef(model), dataset.quick)
    state, progress = resumed or (initial_state(model, config, dataset.train), TrainProgress())
    tokens_per_step = num_streams(config, dataset.train) * config.bptt_length
    clock.steps_per_epoch, clock.tokens_per_step = steps_per_epoch(config, dataset.train), tokens_per_step
    speed = Speed(tokens_per_step)
    metrics: StepMetrics | None = None
    last_saved = time.monotonic()
    while True:
        unsaved = time.monotonic() - last_saved
        ahead, stop, save = multihost.agree(
            clock.next_progress(progress.step), stopping(), unsaved > config.save_seconds
        )
        over = stop or not ahead.size
        if metrics and (over or metrics.progress * config.evaluations >= progress.next_evaluation):
            progress.record_evaluation(score(state.average), state.average, metrics.progress * config.evaluations)
            listener.evaluated(metrics, progress)
        elif over and progress.step and progress.best is None:  # resumed with no time left
            progress.record_evaluation(score(state.average), state.average, config.evaluations)
        if metrics and (over or save):
            listener.saved(multihost.gather_whole(state), progress)
            last_saved = time.monotonic()
        if over:
            return Fit("stopped" if stop and ahead.size else "done", progress, speed.tokens_per_second)

        rates = learning_rates(config, ahead, clock.epochs(progress.step, ahead.size))
        dispatched = time.monotonic()
        state, rows = dispatch(state, np.pad(rates, (0, DISPATCH_STEPS - rates.size)), rates.size)
        losses, norms = np.asarray(rows)[: rates.size].T
        clock.step_seconds = speed.record(rates.size, time.monotonic() - dispatched)
        if not (np.isfinite(losses).all() and np.isfinite(norms).all()):
            return Fit("diverged", progress, speed.tokens_per_second)

        progress.step += rates.size
        progress.seconds = clock.seconds
        metrics = StepMetrics(
            progress.step,
            float(losses.mean()),
            float(norms.mean()),
            float(rates[-1]),
            float(ahead[-1]),
            tokens_per_step / clock.step_seconds,
            clock.seconds,
            clock.seconds_left(progress.step),
        )
        listener.stepped(metrics)
