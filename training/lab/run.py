"""Run an experiment: train each seed in turn, and store its result. Knows no terminal."""

import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from model.checkpoints.atomic_files import private_folder, replace_file
from training.lab import results
from training.lab.preset import ExperimentSettings
from training.lab.results import Result
from training.lab.source import Source
from training.lock import training_lock
from training.loop.clock import Clock
from training.run_names import unused_name
from training.runs.callbacks import Console
from training.runs.learning import RunListener, Stopped, learn, num_params, set_up
from training.runs.start import choose_start

PRIVATE: dict[str, Any] = {"data": {"dir", "url", "me"}, "privacy": True, "experiment": {"text"}}
"""Settings of the machine or its owner, which are not stored with a run."""


def run_seeds(
    settings: ExperimentSettings,
    name: str,
    source: Source,
    seeds: int,
    console: Callable[[], Console],
    stopping: Callable[[], bool],
) -> list[Result]:
    """Train seeds 0 to `seeds` - 1, each for its own minutes; returns those that finished.

    `stopping()` ends it. Raises DannError for a training already running, no room to save, or a loss that is not finite; the
    results of finished seeds stay.
    """
    with training_lock(settings.data.dir / "train.lock"):
        group, finished = unused_name(settings.data.runs, f"{name}-", "-seed0"), []
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
    """Train one seed, all but the last evaluation in its minutes; None if it was stopped."""
    started, seed = time.monotonic(), settings.train.seed
    if settings.train.base == "auto":  # what an experiment compares must not depend on which bases there are
        settings = settings.model_copy(update={"train": settings.train.model_copy(update={"base": "off"})})
    start = choose_start(settings, [], console.say)
    clock = Clock(start.settings.train, started)
    setup = set_up(start.settings, source, tokenizer=start.tokenizer, weights=start.weights, base=start.weights)
    folder = results.folder_of(settings.data.runs, group, seed)
    private_folder(folder)
    replace_file(folder / "settings.json", setup.settings.model_dump_json(indent=2, exclude=PRIVATE).encode())
    console.say(f"{name}, seed {seed}: {len(setup.dataset.train):,} tokens; {setup.shape}")
    consequence = f"seed {seed} has no result; finished seeds keep theirs"
    try:
        fit = learn(setup, clock, RunListener(console, folder), stopping, partial=False, consequence=consequence)
    except Stopped:
        return None
    figures = source.figures(setup, settings.experiment.mixed)
    replace_file(folder / "samples.txt", source.sample(setup, seed).encode())
    result = Result(
        experiment=name,
        group=group,
        question=settings.experiment.question,
        seed=seed,
        text_sha256=source.sha256,
        split=source.split,
        **asdict(figures),
        params=num_params(setup.model),
        steps=fit.progress.step,
        tokens_per_second=round(fit.tokens_per_second),
        seconds=round(fit.progress.seconds, 1),
        code_version=version("dann"),
    )
    results.save(folder, result)
    return result
