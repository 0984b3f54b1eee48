"""A speedrun: how soon a recipe reaches a figure, beside the record's recipe in the same minutes.

Each run is a process of its own, timed from its start to the end of training: imports, compilation without any cache, the
tokenizer and the evaluations in between count, the last scoring does not. The two recipes take turns and swap places from
seed to seed, so that whatever else the machine does hits both; runs side by side are compared as pairs. Imports no JAX.
"""

import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from model.errors import DannError
from training.lab import results
from training.lab.intervals import Difference, difference
from training.lab.preset import ExperimentSettings
from training.lab.results import Result
from training.lab.sweep_run import SweepWorker
from training.lock import training_lock
from training.run_names import unused_name

TARGET = 1.4697
"""nanoGPT's baby GPT on Tiny Shakespeare after three minutes on an A100: nats per character, val@256-reset."""
RECORD = re.compile(r"speedrun-(\d+)", re.ASCII)
"""Names of recipes that hold a record, or held one."""


@dataclass(frozen=True)
class Recipe:
    """An experiment's name and settings."""

    name: str
    settings: ExperimentSettings


@dataclass(frozen=True)
class Race:
    """The results of both recipes, of the same seeds; of none, if it was stopped before."""

    record: list[Result]
    challenger: list[Result]

    @property
    def seconds(self) -> Difference:
        """The challenger's seconds less the record's."""
        record, challenger = ({r.seed: r.ready_seconds or 0.0 for r in of} for of in (self.record, self.challenger))
        return difference(record, challenger)


def last_record(names: Iterable[str]) -> str:
    """The highest N of the experiments named speedrun-N; speedrun-0 if there are none."""
    numbers = (int(found[1]) for name in names if (found := RECORD.fullmatch(name)))
    return f"speedrun-{max(numbers, default=0)}"


def race(
    record: Recipe, challenger: Recipe, text: str, seeds: int, say: Callable[[str], None], stopping: Callable[[], bool]
) -> Race:
    """Run both recipes on each seed; where `stopping` ended it, the seeds that both have run by then.

    Raises DannError for recipes that end by minutes, whose time is what they were given; a training already running; or a run
    that fails.
    """
    for recipe in (record, challenger):
        train = recipe.settings.train
        if not (train.steps or train.tokens or train.epochs):
            raise DannError(
                f"{recipe.name}: ends by minutes; a speedrun's recipe ends by train.steps, tokens or epochs"
            )
    recipes = {"record": record, "challenger": challenger}
    found: dict[str, list[Result]] = {part: [] for part in recipes}
    turns = [(seed, part) for seed in range(seeds) for part in (recipes if seed % 2 == 0 else reversed(recipes))]
    with training_lock(record.settings.data.dir / "train.lock"):
        groups = {part: unused_name(record.settings.data.runs, f"speedrun-{part}-", "-seed0") for part in recipes}
        for seed, part in turns:
            result = timed(recipes[part], groups[part], text, seed, stopping)
            if result is None:
                break
            found[part].append(result)
            say(f"seed {seed}: {part} {result.experiment}: {result.ready_seconds} s, {result.figure:.4f}")
    of_both = min(map(len, found.values()))
    return Race(found["record"][:of_both], found["challenger"][:of_both])


def timed(recipe: Recipe, group: str, text: str, seed: int, stopping: Callable[[], bool]) -> Result | None:
    """Run a recipe in a process of its own that finds nothing compiled; None where `stopping` ended it, at once."""
    with tempfile.TemporaryDirectory(prefix="dann-speedrun-") as empty:
        started = time.monotonic()
        worker = SweepWorker(one_thread=False, environment=os.environ | {"JAX_COMPILATION_CACHE_DIR": empty})
        try:
            error = worker.run_unless(
                {
                    "settings": recipe.settings.model_dump(mode="json"), "text": text, "seed": seed,
                    "experiment": recipe.name, "group": group, "sweep": "", "variant": "", "tuned": {}, "overrides": [],
                    "started": started,
                },
                stopping,
            )  # fmt: skip
        finally:
            worker.end()
    if error is None:
        return None
    outcome = None if error else results.outcome(results.folder_of(recipe.settings.data.runs, group, seed))
    if not isinstance(outcome, Result):
        raise DannError(f"{recipe.name}, seed {seed}: {error or (outcome and outcome.message)}")
    return outcome


def markdown(run: Race) -> str:
    """A row for each recipe: its figure, whether that is TARGET in the mean, and its seconds; then the ratio."""
    lines = ["| recipe | val@256-reset | reached | seconds | each |", "|---|---:|---|---:|---|"]
    for of in (run.record, run.challenger):
        mean = statistics.fmean(result.figure for result in of)
        seconds = [result.ready_seconds or 0.0 for result in of]
        reached = "yes" if mean <= TARGET else f"no, {mean - TARGET:+.4f}"
        each = ", ".join(f"{one:.1f}" for one in seconds)
        lines.append(f"| {of[0].experiment} | {mean:.4f} | {reached} | {statistics.fmean(seconds):.1f} | {each} |")
    ours, theirs = (sum(result.ready_seconds or 0.0 for result in of) for of in (run.challenger, run.record))
    return "\n".join(
        [*lines, "", f"{run.seconds} (seconds); the challenger takes {ours / theirs:.3f} of the record's time"]
    )
