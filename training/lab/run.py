"""An overlay times seeds: trains each seed with `fit`, one after the other, and keeps what came of it. Knows no terminal."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from flax import nnx

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.lab import results
from training.lab.preset import ExperimentSettings
from training.lab.results import Result
from training.lab.source import Source
from training.lock import training_lock
from training.loop.clock import Clock
from training.loop.step import TrainState
from training.loop.trainer import TrainProgress, fit
from training.runs import sizing
from training.runs.callbacks import Console
from training.runs.init import fresh_network, num_params

PRIVATE = {"data": {"dir", "url", "me"}, "experiment": {"text"}}
"""Settings that say something of the machine or its owner, and nothing of the run."""


def run_seeds(
    settings: ExperimentSettings,
    name: str,
    source: Source,
    seeds: int,
    console: Callable[[], Console],
    stopping: Callable[[], bool],
) -> list[Result]:
    """Train seeds 0 to `seeds` - 1, each for its own minutes; returns those that finished before `stopping()`.

    Raises DannError for a training already running, no room to save, or a loss that is no number; what is finished stays.
    """
    with training_lock(settings.data.dir / "train.lock"):
        group, finished = _new_group(settings.data.runs, name), []
        for seed in range(seeds):
            train = settings.train.model_copy(update={"seed": seed})
            result = _run_seed(settings.model_copy(update={"train": train}), group, name, source, console(), stopping)
            if result is None:
                break
            finished.append(result)
        return finished


def _run_seed(
    settings: ExperimentSettings, group: str, name: str, source: Source, console: Console, stopping: Callable[[], bool]
) -> Result | None:
    """One run, all of it but the last evaluation within its minutes; None if it was stopped."""
    clock = Clock(settings.train, time.monotonic())
    settings = sizing.settled(settings, source.size(settings.train))
    seed = settings.train.seed
    tokenizer, dataset = source.dataset(settings)
    model = fresh_network(settings, tokenizer.vocab_size)
    folder = results.folder_of(settings.data.runs, group, seed)
    folder.mkdir(parents=True, mode=0o700)
    replace_file(folder / "settings.json", settings.model_dump_json(indent=2, exclude=PRIVATE).encode())
    shape = model.config
    console.say(
        f"{name}, seed {seed}: {len(dataset.train):,} tokens; {shape.architecture} {shape.num_layers} x "
        f"{shape.hidden_dim}, {num_params(model):,} weights, vocabulary {shape.vocab_size:,}"
    )
    console.begin(folder / "metrics.jsonl", lambda *_: [])
    try:
        ended = fit(model, dataset, settings.train, clock, _Passing(console), stopping)
    finally:
        console.end()
    if ended.ending == "stopped":
        return None
    if ended.ending == "diverged" or ended.progress.best is None:
        raise DannError(_without_result(ended.ending, settings, ended.progress))
    nnx.update(model, ended.progress.best)
    figures = source.figures(model, tokenizer, dataset, settings.experiment.mixed)
    replace_file(folder / "samples.txt", source.sample(model, tokenizer, seed).encode())
    result = Result(
        experiment=name,
        group=group,
        question=settings.experiment.question,
        seed=seed,
        text_sha256=source.sha256,
        split=source.split,
        val_reset_nats_per_char=figures.val_reset_nats_per_char,
        val_stateful_nats_per_char=figures.val_stateful_nats_per_char,
        val_bpb=figures.val_bpb,
        val_mixed_nats_per_char=figures.val_mixed_nats_per_char,
        params=num_params(model),
        steps=ended.progress.step,
        tokens_per_second=round(ended.tokens_per_second),
        seconds=round(ended.progress.seconds, 1),
        code_version=version("dann"),
    )
    results.save(folder, result)
    return result


class _Passing:
    """A trainer's Listener that passes figures on; an experiment's run is not resumed."""

    def __init__(self, console: Console) -> None:
        self.stepped = console.stepped
        self.evaluated = console.evaluated

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Listener: nothing to keep."""


def _without_result(ending: str, settings: ExperimentSettings, progress: TrainProgress) -> str:
    train = settings.train
    kept = f"seed {train.seed} has no result; what was finished before it is kept"
    if ending == "diverged":
        return (
            f"the loss stopped being a finite number after step {progress.step:,}; train.learning_rate is "
            f"{train.learning_rate:g}, try a smaller one; {kept}"
        )
    return f"{train.minutes:g} minutes (train.minutes) were over before the first step; give it more; {kept}"


def _new_group(runs: Path, name: str) -> str:
    stamp = f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    names = [stamp, *(f"{stamp}-{number}" for number in range(2, 1000))]
    return next(group for group in names if not results.folder_of(runs, group, 0).exists())
