"""`python -m training.lab.worker`: a process that trains the runs of a sweep, one after the other.

A line of JSON on standard input is an Order, and each is answered by a line on standard output: what the run came to. When
standard input ends, so does this process, at once and in the middle of a run: the sweep is done or was killed.
"""

import os
import queue
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TextIO

import numpy as np
from pydantic import BaseModel
from rich.console import Console as Terminal

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.lab import results
from training.lab.open_source import open_source
from training.lab.preset import ExperimentSettings, ExperimentTable
from training.lab.results import Ended
from training.lab.run import RunName, run_seed
from training.lab.source import TextSource
from training.loop import devices
from training.loop.trainer import StepMetrics, TrainProgress
from training.runs.callbacks import Console
from training.runs.learning import Diverged, RunListener
from training.runs.terminal import TrainingConsole


class Rivals(BaseModel):
    """The runs that were finished when this one began, as curves of (share done, bits per byte); the rule: SweepTable."""

    share: float
    margin: float
    curves: list[list[tuple[float, float]]]

    def limit(self, share: float) -> float:
        """The bits per byte above which a run is far behind when this share of it is done."""
        curves = [np.asarray(curve).T for curve in self.curves]
        return (1.0 + self.margin) * statistics.median(float(np.interp(share, *curve)) for curve in curves)


class Order(BaseModel):
    """One run: `settings` are ExperimentSettings, `text` is "" for the store's posts; without `rivals` it is never ended.

    `text_sha256` is what all runs of the sweep learn, "" for whatever there is.
    """

    settings: dict[str, object]
    text: str
    text_sha256: str = ""
    seed: int
    experiment: str
    group: str
    sweep: str
    variant: str
    tuned: dict[str, object]
    overrides: list[str]
    samples: bool = False
    started: float | None = None
    rivals: Rivals | None = None


class Answer(BaseModel):
    """What a run came to: its folder has a Result or Ended, or `error` is one line."""

    error: str = ""


class SweepListener(RunListener):
    """A RunListener that notices when its run is far behind its rivals; `message` then says how far."""

    def __init__(self, console: Console, folder: Path, rivals: Rivals | None) -> None:
        super().__init__(console, folder)
        self._rivals = rivals
        self.message = ""

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Listener: compare with the rivals at the same share of the run."""
        super().evaluated(metrics, progress)
        if self._rivals is None or progress.score is None or not self._rivals.share <= metrics.progress < 1:
            return
        limit, found = self._rivals.limit(metrics.progress), progress.score.bpb
        if not self.message and not found <= limit:
            self.message = (
                f"after {metrics.progress:.0%} ({metrics.step:,} steps) it had {found:.4g} bits per byte; the limit was "
                f"{limit:.3f}, {self._rivals.margin:.0%} above the median of {len(self._rivals.curves)} finished runs there"
            )


def serve(orders: "queue.SimpleQueue[str]", answer: Callable[[Answer], None]) -> None:
    """Train what is ordered, for as long as there are orders."""
    while line := orders.get():
        order = Order.model_validate_json(line)
        try:
            _train(order)
            answer(Answer())
        except DannError as error:
            answer(Answer(error=str(error)))


def _train(order: Order) -> None:
    settings = ExperimentSettings.model_validate(order.settings)
    devices.prepare(settings.train)
    source = _text_source(order.text, settings.experiment) if order.text else open_source(settings, "")
    if order.text_sha256 not in {"", source.sha256}:
        text = f"{order.text} is another text" if order.text else "the posts in the store are others"
        raise DannError(f"{text} than when the sweep began, and runs on both cannot be compared")
    named = RunName(
        order.experiment, order.group, order.sweep, order.variant, dict(order.tuned), order.overrides, order.started
    )
    folder = results.folder_of(settings.data.runs, order.group, order.seed)
    listeners: list[SweepListener] = []

    def listener(console: Console, folder: Path) -> SweepListener:
        listeners.append(SweepListener(console, folder, order.rivals))
        return listeners[0]

    busy = time.process_time()
    quiet = TrainingConsole(Terminal(stderr=True, quiet=True))
    try:
        stopping = lambda: bool(listeners and listeners[0].message)  # noqa: E731
        run_seed(settings, order.seed, named, source, quiet, stopping, listener, samples=order.samples)
        ended = Ended(ending="early", message=listeners[0].message) if listeners[0].message else None
    except Diverged as error:
        ended = Ended(ending="diverged", message=str(error).partition(";")[0])
    if ended:
        ended = ended.model_copy(update={"cpu_seconds": round(time.process_time() - busy, 1)})
        replace_file(folder / results.ENDED, ended.model_dump_json(indent=2).encode())


@lru_cache(maxsize=1)
def _text_source(text: str, experiment: ExperimentTable) -> TextSource:
    return TextSource(Path(text), experiment.train_fraction, experiment.thinking)


def _write(answers: TextIO, answer: Answer) -> None:
    answers.write(answer.model_dump_json() + "\n")


def main() -> None:
    """Serve orders from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            orders.put(line)
        os._exit(0)  # nobody waits for a result any more

    threading.Thread(target=read, daemon=True).start()
    serve(orders, partial(_write, answers))


if __name__ == "__main__":
    main()
