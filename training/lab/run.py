"""Run an experiment: train each seed in turn, and store its result. Knows no terminal and no sweep."""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from model.architectures import decodes
from model.checkpoints.atomic_files import private_folder, replace_file
from training.config.tables import TrainConfig
from training.lab import results
from training.lab.machine import compared_code, this_code, this_machine
from training.lab.preset import ExperimentSettings
from training.lab.results import Result
from training.lab.source import Source
from training.lab.sweep_plan import UNLIKE
from training.lock import training_lock
from training.loop.clock import Clock
from training.run_names import unused_name
from training.runs.callbacks import Console
from training.runs.learning import Diverged, RunListener, Stopped, learn, num_params, set_up
from training.runs.start import choose_start

PRIVATE: dict[str, Any] = {"data": {"dir", "url", "me"}, "privacy": True, "experiment": {"text"}, "sweep": True}
"""Settings of the machine or its owner, which are not stored with a run; nor is what else a sweep runs."""


@dataclass(frozen=True)
class RunName:
    """What a result says of the run beside its settings; `started` is the time.monotonic() at which its process began.

    `seeds` is how many are to be run in all, 0 where a sweep decides; `identity` is "" there too.
    """

    experiment: str
    group: str
    sweep: str = ""
    variant: str = ""
    tuned: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    started: float | None = None
    seeds: int = 0
    identity: str = ""


def run_seeds(
    settings: ExperimentSettings,
    name: str,
    source: Source,
    seeds: int,
    console: Callable[[], Console],
    stopping: Callable[[], bool],
    overrides: list[str] | None = None,
    *,
    fresh: bool = False,
) -> list[Result]:
    """Train seeds 0 to `seeds` - 1, each for its own minutes; returns those that finished.

    Where the newest run of its kind lacks some of them, as it was stopped or was to have fewer, only these are trained, but
    with `fresh` all. `stopping()` ends it. Raises DannError for a training already running, no room to save, or a loss that
    is not finite; the results of finished seeds stay.
    """
    with training_lock(settings.data.dir / "train.lock"):
        identity = _identity(settings, source)
        there = {} if fresh or settings.train.hosts > 1 else _begun(settings.data.runs, name, identity, seeds)
        group = there[min(there)].group if there else unused_name(settings.data.runs, f"{name}-", "-seed0")
        if there:
            kept = f"seed{'s' if len(there) > 1 else ''} {', '.join(map(str, there))}"
            console().say(f"going on with {group}: {kept} there and kept; --fresh trains all of them again")
        named = RunName(name, group, overrides=overrides or [], seeds=seeds, identity=identity)
        for seed in (seed for seed in range(seeds) if seed not in there):
            shutil.rmtree(results.folder_of(settings.data.runs, group, seed), ignore_errors=True)  # of one cut off
            result = run_seed(settings, seed, named, source, console(), stopping)
            if result is None:
                break
            there[seed] = result
        return [result for _, result in sorted(there.items())]


def _identity(settings: ExperimentSettings, source: Source) -> str:
    """What seeds of one group have in common: settings, text, networks and optimizers; of runs by minutes the machine."""
    described = settings.model_dump(mode="json", exclude=UNLIKE)
    machine = this_machine().fingerprint if ended_by(settings.train) == "minutes" else ""
    parts = [described, source.sha256, source.split, compared_code(), machine]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _begun(runs: Path, name: str, identity: str, seeds: int) -> dict[int, Result]:
    """Those of the seeds that the newest run of this identity has; none where it has all of them."""
    alike = [
        group for group in results.groups(runs).values()
        if group[0].experiment == name and not group[0].sweep and {one.identity for one in group} == {identity}
    ]  # fmt: skip
    there = {result.seed: result for result in alike[-1] if result.seed < seeds} if alike else {}
    return there if len(there) < seeds else {}


def run_seed(
    settings: ExperimentSettings,
    seed: int,
    named: RunName,
    source: Source,
    console: Console,
    stopping: Callable[[], bool],
    listener: type[RunListener] | Callable[[Console, Path], RunListener] = RunListener,
    *,
    samples: bool = True,
) -> Result | None:
    """Train one seed, all but the last evaluation in its minutes, and store its result; None if it was stopped.

    Raises Diverged for a loss that is not finite, and DannError where there is no room to save.
    """
    started, busy = time.monotonic(), time.process_time()
    # What an experiment compares must not depend on which bases there are.
    base = "off" if settings.train.base == "auto" else settings.train.base
    train = settings.train.model_copy(update={"seed": seed, "base": base})
    start = choose_start(settings.model_copy(update={"train": train}), [], console.say)
    clock = Clock(start.settings.train, started)
    setup = set_up(start.settings, source, tokenizer=start.tokenizer, weights=start.weights, base=start.weights)
    folder = results.folder_of(settings.data.runs, named.group, seed)
    private_folder(folder)
    replace_file(folder / "settings.json", setup.settings.model_dump_json(indent=2, exclude=PRIVATE).encode())
    console.say(f"{named.experiment}, seed {seed}: {len(setup.dataset.train):,} tokens; {setup.shape}")
    consequence = f"seed {seed} has no result; finished seeds keep theirs"
    try:
        fit = learn(setup, clock, listener(console, folder), stopping, partial=False, consequence=consequence)
    except Stopped:
        return None
    ready = time.monotonic()
    figures = source.figures(setup, settings.experiment.mixed)
    if not math.isfinite(figures.val_bpb):  # of the weights after the last step, of which no loss was taken
        raise Diverged(fit.progress.step, settings.train.learning_rate, consequence)
    if samples:
        decoded = decodes(type(setup.model))
        sample = source.sample(setup, seed) if decoded else "(this architecture does not write token by token)\n"
        replace_file(folder / "samples.txt", sample.encode())
    result = Result(
        experiment=named.experiment,
        group=named.group,
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
        sweep=named.sweep,
        variant=named.variant,
        tuned=named.tuned,
        by=ended_by(train),
        machine=this_machine(),
        code=this_code(),
        overrides=named.overrides,
        seeds_wanted=named.seeds,
        identity=named.identity,
        matters=settings.experiment.matters,
        cpu_seconds=round(time.process_time() - busy, 1),
        ready_seconds=None if named.started is None else round(ready - named.started, 1),
    )
    results.save(folder, result)
    return result


def ended_by(train: TrainConfig) -> str:
    """The setting that ends a run: one that repeats exactly, or "minutes", of which machines make more or less."""
    return next((key for key in ("steps", "tokens", "epochs") if getattr(train, key)), "minutes")
