"""`dann eval --canaries`: train on posts with canaries planted, and measure what is recited. Knows no terminal.

The copy of the posts, the network and everything drawn from it are in memory alone, so nothing of them outlives the command,
however it ends.
"""

import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from model.base.find import base_words
from model.checkpoints.checkpoint import Snapshot
from model.engine.engine import Engine
from training.config.tables import Settings
from training.data.corpus import Corpus, build_corpus, own_texts
from training.data.split import newest_tenth
from training.evaluation.canaries import COUNTS, KINDS, Canary, SecretSource, draw_canaries, plant
from training.evaluation.exposure import (
    MOST,
    REFERENCES,
    RecitedShares,
    canary_prompts,
    exposures,
    recited_shares,
)
from training.evaluation.prompts import held_out_prompts
from training.lock import training_lock
from training.loop.clock import Clock
from training.loop.scoring import scored
from training.posts.guarding import index_in_memory
from training.runs.callbacks import Console
from training.runs.learning import RunListener, TrainingSetup, learn, set_up
from training.runs.post_run import PostText
from training.runs.start import choose_start
from training.store.post import Post

NOWHERE = Path(os.devnull)


@dataclass(frozen=True)
class CanaryReport:
    """What was planted, and what came of it.

    `planted` counts the posts that were added to `posts` of one's own. `masked` are kinds of which none could be planted, as
    `[privacy]` masks them all. `exposure` is in bits by kind and by how often a canary was planted, 0 being the control, and
    the mean of the kinds as "all". `guarded` is None where there is no guard.
    """

    seed: int
    base: str
    posts: int
    planted: int
    masked: list[str]
    steps: int
    seconds: float
    val_bpb: float
    exposure: dict[str, dict[int, float]]
    unguarded: RecitedShares
    guarded: RecitedShares | None
    estimate: str = "sampling"
    references: int = REFERENCES
    most: float = MOST

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints; docs/using.md describes its keys."""
        return asdict(self)


def measure_canaries(
    settings: Settings,
    posts: Iterable[Post],
    console: Console,
    progress: Callable[[str, float], None],
) -> CanaryReport:
    """Plant canaries among posts sorted by channel and time, train as `settings` say, and measure.

    `progress` gets the stage and its share that is done, once the training is over. Raises DannError for too few posts or
    words, a training already running, or a run that ends with nothing.
    """
    started = time.monotonic()
    with training_lock(settings.data.dir / "train.lock"):
        stored = list(posts)
        held_out, seed = newest_tenth(stored), settings.eval.seed
        original = build_corpus(stored, settings.data, held_out)
        source = SecretSource(own_texts(original.train), random.Random(seed))  # noqa: S311
        masked = settings.privacy.masking().masked
        canaries = draw_canaries(source, lambda text: masked(text) != text)
        copy = plant(stored, canaries, held_out, seed)
        corpus = build_corpus(copy, settings.data, held_out)
        planted = len(copy) - len(stored)
        console.say(_what_it_takes(settings, canaries, planted, original.posts))
        setup, steps, seconds, bpb = _train(settings, corpus, console, started)
    guidable = setup.settings.train.without_context > 0
    snapshot = Snapshot("canaries", setup.model, setup.tokenizer, guidable=guidable)
    bits = exposures(setup.model, setup.tokenizer, canaries, source, lambda share: progress("scoring secrets", share))
    said = [prompt.turns for prompt in held_out_prompts(corpus.val) if prompt.turns]
    prompts = canary_prompts(canaries, random.Random(seed).sample(said, len(said)))  # noqa: S311

    def recited(what: str, drawn_from: Snapshot) -> RecitedShares:
        engine, told = Engine(drawn_from), partial(progress, what)
        return recited_shares(engine, prompts, canaries, settings.sample, seed, told)

    unguarded, guarded = recited("drawing replies", snapshot), None
    if settings.privacy.guard:
        known = base_words(settings.data.bases, setup.settings.train.base)
        index = index_in_memory(copy, settings.privacy, known)
        guarded = recited("drawing replies with the guard", replace(snapshot, guard=index))
    return CanaryReport(
        seed=seed,
        base=setup.settings.train.base,
        posts=original.posts,
        planted=planted,
        masked=[kind for kind in KINDS if all(canary.kind != kind for canary in canaries)],
        steps=steps,
        seconds=round(seconds, 1),
        val_bpb=bpb,
        exposure=_means(canaries, bits),
        unguarded=unguarded,
        guarded=guarded,
    )


def _train(
    settings: Settings, corpus: Corpus, console: Console, started: float
) -> tuple[TrainingSetup, int, float, float]:
    """Train as `dann train` would; returns the setup with the best weights, steps, seconds and bits per byte."""
    start = choose_start(settings, own_texts(corpus.train), console.say)
    setup = set_up(
        start.settings, PostText(corpus), tokenizer=start.tokenizer, weights=start.weights, base=start.weights
    )
    clock, listener = Clock(start.settings.train, started), RunListener(console, NOWHERE)
    progress = learn(setup, clock, listener, lambda: False, partial=False, consequence="nothing is kept").progress
    return setup, progress.step, progress.seconds, scored(setup.model, setup.dataset.val).bpb


def _what_it_takes(settings: Settings, canaries: Sequence[Canary], planted: int, posts: int) -> str:
    train = settings.train
    long = f"{train.steps:,} steps" if train.steps else f"{train.minutes:g} minutes at most (train.minutes)"
    kinds = sum(canary.planted > 0 for canary in canaries)
    return (
        f"{kinds} canaries planted {planted} times in a copy of {posts:,} posts of yours; training takes {long}, measuring "
        "about two minutes more; nothing is kept, and Ctrl-C ends it"
    )


def _means(canaries: Sequence[Canary], bits: Sequence[float]) -> dict[str, dict[int, float]]:
    """Mean exposure by kind, and of all kinds, and by how often canaries were planted."""

    def mean(kinds: Sequence[str], count: int) -> float:
        of = [
            bit for canary, bit in zip(canaries, bits, strict=True) if canary.kind in kinds and canary.planted == count
        ]
        return round(sum(of) / len(of), 2)

    there = [kind for kind in KINDS if any(canary.kind == kind for canary in canaries)]
    groups = {kind: [kind] for kind in there} | ({"all": there} if there else {})
    return {name: {count: mean(kinds, count) for count in (0, *COUNTS)} for name, kinds in groups.items()}
