"""`dann train`: one run, from posts to a published checkpoint.

<data>/runs/<id>/  the run's files (resumable_run.py)

Knows no terminal.
"""

import time
from collections.abc import Callable, Iterable

from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import private_folder
from training.config.tables import Settings
from training.data.corpus import build_corpus, own_texts
from training.lock import training_lock
from training.loop import multihost
from training.loop.clock import Clock
from training.loop.step import TrainState
from training.loop.trainer import TrainProgress
from training.run_names import unused_name
from training.runs.callbacks import Console
from training.runs.post_run import PostRun, TrainResult, held_out_before
from training.runs.resumable_run import explain_damage, saved_setup, unfinished_run
from training.runs.start import base_weights, choose_start
from training.store.post import Post

COMMAND = "dann train"


def train(settings: Settings, posts: Iterable[Post], console: Console, stopping: Callable[[], bool]) -> TrainResult:
    """Train on posts sorted by channel and time, from a base or from scratch, and publish the best weights.

    `posts` are read once nobody else can train, so that what is forgotten until then is not learned. Raises DannError for too
    few posts, a training already running, no room to save, or a loss that was never finite.
    """
    started = time.monotonic()
    with training_lock(settings.data.dir / "train.lock"):
        corpus = build_corpus(list(posts), settings.data)
        start = choose_start(settings, own_texts(corpus.train), console.say)
        if start.tokenizer is None:
            console.say("training the tokenizer")
        folder = settings.data.runs / unused_name(settings.data.runs)
        private_folder(folder)
        run = PostRun(
            folder,
            start.settings,
            corpus,
            console,
            tokenizer=start.tokenizer,
            weights=start.weights,
            base=start.weights,
        )
        run.save_setup()
        return _fit_and_publish(run, Clock(start.settings.train, started), stopping, resumed=None)


def resume_last(
    settings: Settings,
    posts: Iterable[Post],
    console: Console,
    stopping: Callable[[], bool],
    minutes: float | None = None,
) -> TrainResult:
    """Resume the newest unfinished run in `settings.data`, with its own settings.

    `minutes` replaces its time limit. Posts that arrived meanwhile are learned too; what is held out stays so. Raises
    DannError where there is no such run, or it cannot be resumed.
    """
    started = time.monotonic()
    with training_lock(settings.data.dir / "train.lock"):
        folder = multihost.copy_from_first_host(settings.data.runs, lambda runs: unfinished_run(runs, COMMAND))
        started_with, tokenizer = saved_setup(folder, type(settings), COMMAND)
        time_given = {"minutes": minutes or started_with.train.minutes}
        settings = started_with.model_copy(
            update={
                "data": settings.data,
                "privacy": settings.privacy,
                "train": started_with.train.model_copy(update=time_given),
            }
        )
        stored = list(posts)
        with explain_damage(folder, COMMAND):
            held_out = held_out_before(folder, stored)
        corpus = build_corpus(stored, settings.data, held_out)
        base = base_weights(settings, console.say)
        run = PostRun(folder, settings, corpus, console, tokenizer=tokenizer, base=base)
        state, progress = run.resumed()
        return _fit_and_publish(run, Clock(settings.train, started, progress.seconds), stopping, (state, progress))


def _fit_and_publish(
    run: PostRun, clock: Clock, stopping: Callable[[], bool], resumed: tuple[TrainState, TrainProgress] | None
) -> TrainResult:
    """Fit, save the best weights, publish them."""
    result, root = run.fit(clock, stopping, resumed), run.setup.settings.data.checkpoints
    learned = run.save(result, unused_name(root))
    checkpoint.publish(root, learned.checkpoint)
    return learned
