"""Run a sweep: every seed of every candidate, several at once, each in a process with a core of its own.

It imports no JAX, but for posts. A run is kept from its last file on (results.py). A sweep that was stopped or killed goes
on when the same settings are run on the same text again: finished runs are kept, those that had been given up too, and one
that was cut off begins again.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.checkpoints.atomic_files import private_folder, replace_file
from model.errors import DannError
from training.data.text_file import read_text
from training.lab import results
from training.lab.preset import ExperimentSettings
from training.lab.results import Result
from training.lab.sweep import PLAN, Sweep, SweepRun
from training.lab.sweep_plan import Plan
from training.lock import training_lock
from training.posts.learnable import learnable_posts
from training.run_names import unused_name

POLL_SECONDS = 0.2
"""How soon Ctrl-C is noticed."""
ONE_THREAD = {"PJRT_NPROC": "1"}
"""XLA's own variable for the size of its thread pool."""
SINGLE = "--xla_cpu_multi_thread_eigen=false"


@dataclass(frozen=True)
class Surroundings:
    """Where a sweep runs and whom it tells: `text` is a file, "" for posts; `overrides` are --set options for its results.

    `options` are what the command was given beside that changes the sweep.
    """

    runs: Path
    lock: Path
    text: str
    say: Callable[[str], None]
    stopping: Callable[[], bool]
    overrides: list[str]
    options: list[str] = field(default_factory=list)


def run_sweep(plan: Plan, around: Surroundings, *, fresh: bool = False) -> tuple[Sweep, bool]:
    """Run what `plan` has no outcome for yet; returns the sweep, and whether all of it is done.

    `fresh` begins a new sweep although there is one with the same settings. Raises DannError for a text that cannot be read,
    a training already running, or the first run that fails; what is finished stays.
    """
    with training_lock(around.lock):
        text_sha256 = _text_sha256(plan.candidates[0].settings, around.text)
        sweep = _open_sweep(plan, around, text_sha256, fresh=fresh)
        return sweep, _run_all(sweep, around, text_sha256)


def _text_sha256(settings: ExperimentSettings, text: str) -> str:
    """What the results of all runs will say of the text, or of the posts as [data] and [privacy] have them."""
    if text:
        return read_text(Path(text), settings.experiment.train_fraction).sha256
    from training.data.corpus import build_corpus, corpus_digest  # noqa: PLC0415 (imports JAX)

    return corpus_digest(build_corpus(list(learnable_posts(settings)), settings.data))


def _open_sweep(plan: Plan, around: Surroundings, text_sha256: str, *, fresh: bool) -> Sweep:
    """Find the newest sweep with the same settings on the same text, or begin one."""
    digest = plan.digest(text_sha256)
    for file in [] if fresh else sorted(around.runs.glob(f"{plan.name}-*/{PLAN}"), reverse=True):
        with suppress(OSError, ValueError, TypeError, KeyError):
            if json.loads(file.read_text(encoding="utf-8"))["digest"] != digest:
                continue
            sweep = Sweep(file.parent.name, plan, around.runs)
            sweep.load()
            kept = f"{len(sweep.outcomes)} runs are there and kept; one that was cut off begins again"
            around.say(f"going on with {sweep.id}: {kept}")
            _save_plan(sweep, digest, around)
            return sweep
    id_ = unused_name(around.runs, f"{plan.name}-")
    private_folder(around.runs / id_)
    sweep = Sweep(id_, plan, around.runs)
    _save_plan(sweep, digest, around)
    return sweep


def _save_plan(sweep: Sweep, digest: str, around: Surroundings) -> None:
    """Save what is run; a sweep that goes on may have more seeds than before."""
    options = [*around.options, *(word for given in around.overrides for word in ("--set", given))]
    described = [{"variant": c.variant, "tuned": c.tuned} for c in sweep.plan.candidates]
    table = sweep.plan.table.model_dump(mode="json")
    plan = {"digest": digest, "options": options, "table": table, "candidates": described}
    replace_file(sweep.runs / sweep.id / PLAN, json.dumps(plan, indent=2).encode())


def _run_all(sweep: Sweep, around: Surroundings, text_sha256: str) -> bool:
    """Run everything, `parallel` at once; returns False where `stopping` ended it first."""
    answers: Answers = queue.SimpleQueue()
    running: list[SweepRun] = []
    with ExitStack() as stack:
        idle: list[SweepWorker] = []
        started = 0
        while not around.stopping():
            for run in [run for run in sweep.queue() if run not in running]:
                if not idle and started < sweep.plan.table.parallel:
                    idle.append(SweepWorker(one_thread=run.candidate.settings.train.devices == 1))
                    stack.callback(idle[-1].end)
                    started += 1
                if not idle:
                    break
                running.append(run)
                _begin(idle.pop(), run, _order(sweep, run, around, text_sha256), answers)
            if not running:
                return True
            with suppress(queue.Empty):
                worker, run, error = answers.get(timeout=POLL_SECONDS)
                if error:
                    raise DannError(f"{run}: {error}; finished runs are kept; run the same command again")
                running.remove(run)
                idle.append(worker)
                around.say(_record(sweep, run))
    return False


def _begin(worker: "SweepWorker", run: SweepRun, order: dict[str, Any], answers: "Answers") -> None:
    """Give a worker its order, and wait for the answer in a thread."""
    threading.Thread(target=lambda: answers.put((worker, run, worker.run(order))), daemon=True).start()


def _order(sweep: Sweep, run: SweepRun, around: Surroundings, text_sha256: str) -> dict[str, Any]:
    """A worker's order for a run, whose folder is emptied of what a run that was cut off has left."""
    shutil.rmtree(sweep.folder(run), ignore_errors=True)
    return {
        "settings": run.candidate.settings.model_dump(mode="json"),
        "text": around.text,
        "text_sha256": text_sha256,
        "seed": run.seed,
        "experiment": sweep.plan.name,
        "group": sweep.group(run.candidate),
        "sweep": sweep.id,
        "variant": run.candidate.variant,
        "tuned": run.candidate.tuned,
        "overrides": around.overrides,
        "rivals": sweep.rivals(run),
    }


def _record(sweep: Sweep, run: SweepRun) -> str:
    """Take a run's outcome into the sweep; returns a line on it."""
    outcome = results.outcome(sweep.folder(run))
    if outcome is None:
        raise DannError(f"{sweep.folder(run)}: its result is gone; run the same command again")
    sweep.outcomes[run.candidate.number, run.seed] = outcome
    came_to = f"{outcome.figure:.4f}" if isinstance(outcome, Result) else f"{outcome.ending}: {outcome.message}"
    return f"{len(sweep.outcomes)} done, {len(sweep.queue())} to go: {run}: {came_to}"


class SweepWorker:
    """A process of worker.py, with one thread where it has one core."""

    def __init__(self, *, one_thread: bool, environment: Mapping[str, str] = os.environ) -> None:
        environment = dict(environment)
        if one_thread:
            environment |= ONE_THREAD | {"XLA_FLAGS": f"{environment.get('XLA_FLAGS', '')} {SINGLE}".strip()}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "training.lab.worker"],  # -P: not a folder "training" where dann was started
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
            start_new_session=True,  # Ctrl-C is for the sweep, which ends its workers
        )  # fmt: skip

    def run(self, order: dict[str, Any]) -> str:
        """Train what is ordered; returns "", or one line on what went wrong."""
        assert self._process.stdin
        assert self._process.stdout
        answer = ""
        with suppress(BrokenPipeError, ValueError):  # it has ended, or is being ended
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if answer:
            return str(json.loads(answer)["error"])
        return f"its process ended by itself (exit status {self._process.wait()}), see above; is there enough memory?"

    def run_unless(self, order: dict[str, Any], stopping: Callable[[], bool]) -> str | None:
        """As `run`; None as soon as `stopping` says so, after which there is only `end`."""
        answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=lambda: answers.put(self.run(order)), daemon=True).start()
        while not stopping():
            with suppress(queue.Empty):
                return answers.get(timeout=POLL_SECONDS)
        return None

    def end(self) -> None:
        """End it at once, in the middle of a run too."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]


Answers = queue.SimpleQueue[tuple[SweepWorker, SweepRun, str]]
"""Of workers: what they ran, and "" or what went wrong."""
