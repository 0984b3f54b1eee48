"""A run on posts: train a network and save it as a checkpoint, unpublished.

<folder>/settings.json       all tables, as used
<folder>/tokenizer.json      so that a resumed run has the same tokens
<folder>/metrics.jsonl       a line per dispatch and a line per evaluation
<folder>/curve.json          the learning curve so far, written when the state is saved
<folder>/resume.safetensors  there until the run is finished, if it can be resumed

Knows no terminal and no lock.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import replace_file
from model.checkpoints.checkpoint import Meta, Snapshot
from model.checkpoints.curve import read_points
from model.engine.engine import Engine, Turn
from model.tokenizer import Tokenizer
from training.config.load import BOT_TABLES
from training.config.tables import Settings, TrainConfig
from training.data.corpus import FEW_POSTS, Corpus, own_texts
from training.data.dataset import Dataset, build_dataset, own_bytes
from training.data.split import digests_for_meta
from training.loop.clock import Clock
from training.loop.devices import num_devices
from training.loop.scoring import Score, ppmd_bpb, scored
from training.loop.step import TrainState, initial_state
from training.loop.trainer import Ending, Fit, StepMetrics, TrainProgress
from training.runs import resume, sizing
from training.runs.callbacks import Console
from training.runs.learning import RunListener, learn, num_params, set_up

SAMPLES = 3


@dataclass(frozen=True)
class TrainResult:
    """A saved checkpoint with its figures; `score` and `ppmd` are of all held-out posts."""

    checkpoint: str
    ending: Ending
    score: Score
    steps: int
    seconds: float
    tokens_per_second: float
    params: int
    learning_rate: float
    ppmd: float


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


class PostText:
    """TrainingText of a corpus of posts."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def size(self, config: TrainConfig) -> sizing.Size:
        """TrainingText: few posts count as little text, however long they are."""
        text = own_bytes(self.corpus.train)
        text = min(text, sizing.LITTLE_TEXT) if self.corpus.posts < FEW_POSTS else text
        return sizing.choose(text, config.minutes, num_devices(config))

    def tokenizer_texts(self) -> Sequence[str]:
        """Return the texts to learn a tokenizer from."""
        return own_texts(self.corpus.train)

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Encode both parts."""
        window = config.bptt_length if config.windows == "conversations" else 0
        return build_dataset(self.corpus.train, self.corpus.val, tokenizer, config.other_weight, config.seed, window)


class PostRun(RunListener):
    """A run on posts, which saves its checkpoint, its curve and what resuming needs; `weights` are initial ones by name."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        corpus: Corpus,
        console: Console,
        *,
        tokenizer: Tokenizer | None = None,
        weights: Mapping[str, np.ndarray] | None = None,
        resumable: bool = True,
    ) -> None:
        super().__init__(console, folder)
        self.corpus = corpus
        self.setup = set_up(settings, PostText(corpus), tokenizer=tokenizer, weights=weights)
        self.resumable = resumable
        self.resume_file = folder / "resume.safetensors"
        self.curve = CurveRecorder(folder / "curve.json")

    def initial_state(self) -> TrainState:
        """The training state at step 0."""
        return initial_state(self.setup.model, self.setup.settings.train, self.setup.dataset.train)

    def save_setup(self) -> None:
        """Save tokenizer and settings in the run's folder."""
        self.setup.tokenizer.save(self.folder / "tokenizer.json")
        replace_file(self.folder / "settings.json", self.setup.settings.model_dump_json(indent=2).encode())

    def fit(
        self,
        clock: Clock,
        stopping: Callable[[], bool],
        resumed: tuple[TrainState, TrainProgress] | None = None,
        *,
        partial: bool = True,
    ) -> Fit:
        """Describe the run to the console, and `learn`."""
        corpus = self.corpus
        if corpus.posts < FEW_POSTS:
            self.console.say(
                f"only {corpus.posts} posts of yours, and a voice takes {FEW_POSTS:,}: training a smaller network"
            )
        self.console.say(
            f"{corpus.posts:,} posts of yours, {len(self.setup.dataset.train):,} tokens with what they answer; the newest "
            f"tenth is held out; {self.setup.shape}"
        )
        if corpus.near_duplicates:
            self.console.say(f"{corpus.near_duplicates} posts dropped: near-duplicates of held-out posts")
        return learn(self.setup, clock, self, stopping, resumed, partial=partial)

    def save(self, result: Fit, id_: str) -> TrainResult:
        """Score the best weights on all of val and save them as `id_`, unpublished; raises DannError for lack of room."""
        progress, setup = result.progress, self.setup
        score = scored(setup.model, setup.dataset.val)
        ppmd = ppmd_bpb(own_texts(self.corpus.train), own_texts(self.corpus.val))
        root, meta = setup.settings.data.checkpoints, self._meta(progress, score, ppmd)
        checkpoint.save(root, id_, setup.model, setup.tokenizer, meta, self.curve.points)
        if result.ending == "done":
            self.resume_file.unlink(missing_ok=True)
        return TrainResult(
            checkpoint=id_,
            ending=result.ending,
            score=score,
            steps=progress.step,
            seconds=round(progress.seconds, 1),
            tokens_per_second=round(result.tokens_per_second),
            params=num_params(setup.model),
            learning_rate=setup.settings.train.learning_rate,
            ppmd=ppmd,
        )

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Listener: add a point to the curve, and pass on."""
        self.curve.add(metrics, progress)
        super().evaluated(metrics, progress)

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Listener: save what resuming needs."""
        if self.resumable:
            self.curve.save()
            resume.save(self.resume_file, state, progress)

    def samples(self, average: Any, seed: int) -> list[str]:
        """Replies to three held-out conversations, at the place where the person wrote next."""
        model = nnx.merge(nnx.graphdef(self.setup.model), average)
        engine = Engine(Snapshot("", model, self.setup.tokenizer))
        openings = [list(takewhile(lambda turn: not turn.mine, conversation)) for conversation in self.corpus.val]
        chosen = [turns for turns in openings if turns][:SAMPLES] or [[]] * SAMPLES
        prompts = [[Turn(mine=False, text=turn.text) for turn in turns] for turns in chosen]
        requests = [(turns, self.setup.settings.sample, seed + number) for number, turns in enumerate(prompts)]
        return [reply.text for reply in engine.replies(requests)]

    def _meta(self, progress: TrainProgress, score: Score, ppmd: float) -> Meta:
        return Meta(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            step=progress.step,
            seconds=round(progress.seconds, 1),
            val_bpb=score.bpb,
            posts=self.corpus.posts,
            newest_post=self.corpus.newest_post,
            seed=self.setup.settings.train.seed,
            code_version=version("dann"),
            # The bot's tables hold ids of people, which are not of the run.
            settings=self.setup.settings.model_dump(mode="json", exclude=set(BOT_TABLES)),
            held_out=digests_for_meta(self.corpus.held_out),
            baselines={"ppmd": round(ppmd, 4)},
        )
