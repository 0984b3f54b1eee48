"""`dann train`: one run, from posts to a published checkpoint.

<data>/runs/<id>/  the run's files (post_run.py)

Knows no terminal.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.checkpoints import checkpoint
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import Settings
from training.data.corpus import build_corpus
from training.lock import training_lock
from training.loop import multihost
from training.loop.clock import Clock
from training.loop.step import TrainState
from training.loop.trainer import TrainProgress
from training.run_names import unused_name
from training.runs import resume
from training.runs.callbacks import Console
from training.runs.post_run import PostRun, TrainResult
from training.store.post import Post


def train(settings: Settings, posts: Iterable[Post], console: Console, stopping: Callable[[], bool]) -> TrainResult:
    """Train from scratch on posts sorted by channel and time, and publish the best weights.

    `posts` are read once nobody else can train, so that what is forgotten until then is not learned. Raises DannError for too
    few posts, a training already running, no room to save, or a loss that was never finite.
    """
    started = time.monotonic()
    with training_lock(settings.data.dir / "train.lock"):
        corpus = build_corpus(list(posts), settings.data)
        console.say("training the tokenizer")
        folder = settings.data.runs / unused_name(settings.data.runs)
        folder.mkdir(parents=True, mode=0o700)
        run = PostRun(folder, settings, corpus, console)
        run.save_setup()
        return _fit_and_publish(run, Clock(settings.train, started), stopping, resumed=None)


def resume_last(
    settings: Settings,
    posts: Iterable[Post],
    console: Console,
    stopping: Callable[[], bool],
    minutes: float | None = None,
) -> TrainResult:
    """Resume the newest unfinished run in `settings.data`, with its own settings.

    `minutes` replaces its time limit. Posts that arrived meanwhile are learned too. Raises DannError where there is no such
    run, or it cannot be resumed.
    """
    started = time.monotonic()
    with training_lock(settings.data.dir / "train.lock"):
        folder = multihost.copy_from_first_host(settings.data.runs, _unfinished)
        with _explain_damage(folder):
            started_with = _settings_of(folder, type(settings))
            tokenizer = Tokenizer.load(folder / "tokenizer.json")
        time_given = {"minutes": minutes or started_with.train.minutes}
        settings = started_with.model_copy(
            update={"data": settings.data, "train": started_with.train.model_copy(update=time_given)}
        )
        corpus = build_corpus(list(posts), settings.data)
        run = PostRun(folder, settings, corpus, console, tokenizer=tokenizer)
        state, progress = resume.load(run.resume_file, run.initial_state())
        console.say(f"resuming run {folder.name} at step {progress.step:,}, {progress.seconds / 60:.1f} minutes in")
        return _fit_and_publish(run, Clock(settings.train, started, progress.seconds), stopping, (state, progress))


def _fit_and_publish(
    run: PostRun, clock: Clock, stopping: Callable[[], bool], resumed: tuple[TrainState, TrainProgress] | None
) -> TrainResult:
    """Fit, save the best weights, publish them."""
    result, root = run.fit(clock, stopping, resumed), run.setup.settings.data.checkpoints
    learned = run.save(result, unused_name(root))
    checkpoint.publish(root, learned.checkpoint)
    return learned


def _settings_of(folder: Path, kind: type[Settings]) -> Settings:
    """The settings that a run was started with, without the tables that `kind` does not have."""
    tables = json.loads((folder / "settings.json").read_text())
    return kind.model_validate({name: table for name, table in tables.items() if name in kind.model_fields})


@contextmanager
def _explain_damage(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, AttributeError) as error:
        what = str(error).splitlines()[0]
        raise DannError(f"{folder}: cannot be resumed ({what}); run `dann train` without --resume") from error


def _unfinished(runs: Path) -> Path:
    files = sorted(runs.glob("*/resume.safetensors"))
    if not files:
        raise DannError(f"{runs}: no unfinished run to resume; run `dann train` without --resume")
    return files[-1].parent
