"""A run that can be resumed: what it keeps in its folder.

<folder>/settings.json       all tables, as used, without what is private
<folder>/tokenizer.json      so that a resumed run has the same tokens
<folder>/metrics.jsonl       a line per dispatch and a line per evaluation
<folder>/curve.json          the learning curve so far, written when the state is saved
<folder>/resume.safetensors  there until the run is finished, if it can be resumed

Knows no posts, no terminal and no lock.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from flax import nnx

from model.architectures import require_decoding
from model.checkpoints.atomic_files import explain_disk_errors, replace_file
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.curve import read_points
from model.engine.engine import Engine, Turn
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.load import OWNERS_TABLES
from training.config.private import without_private
from training.config.tables import Settings
from training.data.conversations import Conversation
from training.loop.clock import Clock
from training.loop.step import TrainState, initial_state
from training.loop.trainer import Fit, StepMetrics, TrainProgress
from training.runs import resume
from training.runs.callbacks import Console
from training.runs.learning import RunListener, TrainingSetup, learn

S = TypeVar("S", bound=Settings)
SAMPLES = 3
RESUME_FILE = "resume.safetensors"


class CurveRecorder:
    """Learning curve of one run, a point per evaluation, oldest first; it goes on from those in `path`, if any."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.points = read_points(path)

    def add(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Add a point. Its training loss is in bits per byte by the ratio that the held-out loss has."""
        score = progress.score
        if score is None or not math.isfinite(score.bpb) or not score.loss > 0:
            return
        train_bpb = metrics.loss * score.bpb / score.loss
        self.points.append((round(metrics.seconds, 1), metrics.step, round(train_bpb, 4), round(score.bpb, 4)))

    def save(self) -> None:
        """Save the points; raises DannError when there is no room, leaving the older file."""
        replace_file(self._path, json.dumps(self.points).encode())


class ResumableRun(RunListener):
    """A run that saves its setup, its curve and what resuming needs; replies to `val` are its samples."""

    def __init__(
        self,
        folder: Path,
        console: Console,
        setup: TrainingSetup,
        val: Sequence[Conversation],
        *,
        resumable: bool = True,
    ) -> None:
        super().__init__(console, folder)
        require_decoding(setup.model.config.architecture)  # what it saves is to serve
        self.setup = setup
        self.val = val
        self.resumable = resumable
        self.resume_file = folder / RESUME_FILE
        self.curve = CurveRecorder(folder / "curve.json")

    def save_setup(self) -> None:
        """Save tokenizer and settings in the run's folder."""
        tokenizer = self.folder / "tokenizer.json"
        with explain_disk_errors(tokenizer):
            self.setup.tokenizer.save(tokenizer)
        used = without_private(self.setup.settings).model_dump_json(indent=2, exclude=set(OWNERS_TABLES))
        replace_file(self.folder / "settings.json", used.encode())

    def resumed(self) -> tuple[TrainState, TrainProgress]:
        """What `saved` saved last; raises DannError where it is damaged or of another network."""
        start = initial_state(self.setup.model, self.setup.settings.train, self.setup.dataset.train)
        state, progress = resume.load(self.resume_file, start)
        self.console.say(
            f"resuming run {self.folder.name} at step {progress.step:,}, {progress.seconds / 60:.1f} minutes in"
        )
        return state, progress

    def describe(self) -> None:
        """Say what is learned from."""

    def fit(
        self,
        clock: Clock,
        stopping: Callable[[], bool],
        resumed: tuple[TrainState, TrainProgress] | None = None,
        *,
        partial: bool = True,
    ) -> Fit:
        """Describe the run to the console, and `learn`."""
        self.describe()
        return learn(self.setup, clock, self, stopping, resumed, partial=partial)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Listener: add a point to the curve, and pass on."""
        self.curve.add(metrics, progress)
        super().evaluated(metrics, progress)

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Listener: save what resuming needs."""
        if self.resumable:
            resume.save(self.resume_file, state, progress)
            self.curve.save()  # last: see `is_unsaved`

    def samples(self, average: Any, seed: int) -> list[str]:
        """Replies to three held-out conversations, at the place where the person wrote next."""
        model = nnx.merge(nnx.graphdef(self.setup.model), average)
        guidable = self.setup.settings.train.without_context > 0
        engine = Engine(Snapshot("", model, self.setup.tokenizer, guidable=guidable))
        openings = [list(takewhile(lambda turn: not turn.mine, conversation)) for conversation in self.val]
        chosen = [turns for turns in openings if turns][:SAMPLES] or [[]] * SAMPLES
        prompts = [[Turn(mine=False, text=turn.text) for turn in turns] for turns in chosen]
        requests = [(turns, self.setup.settings.sample, seed + number) for number, turns in enumerate(prompts)]
        return [reply.text for reply in engine.replies(requests)]


def saved_setup(folder: Path, kind: type[S], command: str) -> tuple[S, Tokenizer]:
    """The settings and the tokenizer that a run was started with, without the tables that `kind` does not have.

    Raises DannError for files that cannot be read; `command` is what to run instead.
    """
    with explain_damage(folder, command):
        tables = json.loads((folder / "settings.json").read_text())
        settings = kind.model_validate({name: table for name, table in tables.items() if name in kind.model_fields})
        return settings, Tokenizer.load(folder / "tokenizer.json")


@contextmanager
def explain_damage(folder: Path, command: str) -> Iterator[None]:
    """Turn what reading a damaged run raises into a DannError."""
    try:
        yield
    except (OSError, ValueError, AttributeError) as error:
        what = str(error).splitlines()[0]
        raise DannError(f"{folder}: cannot be resumed ({what}); run `{command}` without --resume") from error


def unfinished_run(runs: Path, command: str) -> Path:
    """The folder of the newest run that can be resumed; raises DannError where there is none."""
    files = sorted(runs.glob(f"*/{RESUME_FILE}"))
    if not files:
        raise DannError(f"{runs}: no unfinished run to resume; run `{command}` without --resume")
    return files[-1].parent


def is_unsaved(folder: Path) -> bool:
    """Whether a run left nothing to go on with or to keep: it was killed before it first saved, or has no folder."""
    return not any((folder / name).exists() for name in (RESUME_FILE, "curve.json"))
