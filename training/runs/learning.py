"""One network learned from a corpus and saved, not published: everything around `fit`. Knows no terminal and no lock.

<folder>/settings.json       all tables, as used
<folder>/tokenizer.json      so that a resumed run reads text as it did
<folder>/metrics.jsonl       a line a dispatch and a line an evaluation
<folder>/curve.json         what it had learned at each evaluation, written with the next
<folder>/resume.safetensors  there while the run is not finished, unless it is not to be resumed
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import replace_file
from model.checkpoints.checkpoint import Meta, Snapshot
from model.engine.engine import Engine, Turn
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.load import BOT_TABLES
from training.config.tables import Settings, TrainConfig
from training.data.corpus import FEW_POSTS, Corpus, own_texts
from training.data.dataset import Dataset, build_dataset, own_bytes
from training.data.split import digests_for_meta
from training.loop.clock import Clock
from training.loop.devices import num_devices
from training.loop.scoring import Evaluator, Score, ppmd_bpb
from training.loop.step import TrainState, initial_state
from training.loop.trainer import Ending, Fit, StepMetrics, TrainProgress, fit
from training.runs import resume, sizing
from training.runs.callbacks import Console
from training.runs.curve import CurveRecorder
from training.runs.init import fresh_network, num_params

SAMPLES = 3


@dataclass(frozen=True)
class Learned:
    """A saved checkpoint, and the report's figures; `score` is on all that was held out, and so is PPMd's bits per byte."""

    checkpoint: str
    ending: Ending
    score: Score
    steps: int
    seconds: float
    tokens_per_second: float
    params: int
    ppmd: float


class Diverged(DannError):  # noqa: N818 (as the ending is called)
    """The loss was no finite number before anything was worth keeping."""


class Learning:
    """The parts of one run. A trainer's Listener: it passes figures on and saves what resuming needs.

    `settings` have every "auto" settled; `weights` are those to begin with, by name, instead of fresh ones.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        corpus: Corpus,
        tokenizer: Tokenizer,
        console: Console,
        *,
        weights: Mapping[str, np.ndarray] | None = None,
        resumable: bool = True,
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.console = console
        self.resumable = resumable
        self.resume_file = folder / "resume.safetensors"
        self.curve = CurveRecorder(folder / "curve.json")
        train = settings.train
        self.model: LanguageModel = fresh_network(settings, tokenizer.vocab_size)
        if weights is not None:
            checkpoint.set_weights(self.model, weights)
        self.dataset: Dataset = build_dataset(corpus.train, corpus.val, tokenizer, train.other_weight, train.seed)

    def initial_state(self) -> TrainState:
        """The state that a start without `resumed` has."""
        return initial_state(self.model, self.settings.train, self.dataset.train)

    def keep_setup(self) -> None:
        """Write down what the run is set up with, in its folder."""
        self.tokenizer.save(self.folder / "tokenizer.json")
        replace_file(self.folder / "settings.json", self.settings.model_dump_json(indent=2).encode())

    def fit(
        self, clock: Clock, stopping: Callable[[], bool], resumed: tuple[TrainState, TrainProgress] | None = None
    ) -> Fit:
        """Train until the clock says so; the model has the best weights then. Raises DannError if there are none."""
        self._introduce()
        self.console.begin(self.folder / "metrics.jsonl", self._samples)
        try:
            result = fit(self.model, self.dataset, self.settings.train, clock, self, stopping, resumed)
        finally:
            self.console.end()
        if result.progress.best is None:
            raise self._nothing_kept(result)
        nnx.update(self.model, result.progress.best)
        return result

    def save(self, result: Fit, id_: str) -> Learned:
        """Score the best weights on all of val and save them as `id_`, not to serve yet. Raises DannError for no room."""
        progress = result.progress
        score = Evaluator(nnx.graphdef(self.model), self.dataset.val)(nnx.state(self.model, nnx.Param))
        ppmd = ppmd_bpb(own_texts(self.corpus.train), own_texts(self.corpus.val))
        root, meta = self.settings.data.checkpoints, self._meta(progress, score, ppmd)
        checkpoint.save(root, id_, self.model, self.tokenizer, meta, self.curve.points)
        if result.ending == "done":
            self.resume_file.unlink(missing_ok=True)
        return Learned(
            checkpoint=id_,
            ending=result.ending,
            score=score,
            steps=progress.step,
            seconds=round(progress.seconds, 1),
            tokens_per_second=round(result.tokens_per_second),
            params=num_params(self.model),
            ppmd=ppmd,
        )

    def stepped(self, metrics: StepMetrics) -> None:
        """Listener: pass on."""
        self.console.stepped(metrics)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Listener: note it, and pass on."""
        self.curve.add(metrics, progress)
        self.console.evaluated(metrics, progress)

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        """Listener: keep what resuming needs."""
        if self.resumable:
            self.curve.keep()
            resume.save(self.resume_file, state, progress)

    def _nothing_kept(self, result: Fit) -> DannError:
        train = self.settings.train
        if result.ending == "diverged":
            return Diverged(
                f"the loss was not a finite number after step {result.progress.step}, before anything was worth keeping; "
                f"train.learning_rate is {train.learning_rate}, try a smaller one; nothing else changed"
            )
        if result.ending == "stopped":
            return DannError("stopped before the first step; nothing changed")
        return DannError(f"{train.minutes:g} minutes were over before the first step; give it more; nothing changed")

    def _introduce(self) -> None:
        config, data, corpus = self.model.config, self.dataset, self.corpus
        if corpus.posts < FEW_POSTS:
            self.console.say(
                f"only {corpus.posts} posts of yours, where {FEW_POSTS:,} make a voice: training a smaller network"
            )
        self.console.say(
            f"{corpus.posts:,} posts of yours, {len(data.train):,} tokens with what they answer; the newest tenth is held "
            f"out; {config.architecture} {config.num_layers} x {config.hidden_dim}, {num_params(self.model):,} weights, "
            f"vocabulary {config.vocab_size:,}"
        )
        if corpus.near_duplicates:
            self.console.say(f"{corpus.near_duplicates} posts left out: nearly the same as held-out ones")

    def _samples(self, average: Any, seed: int) -> list[str]:
        """What the network would now write in three held-out conversations, where the person wrote next."""
        engine = Engine(Snapshot("", nnx.merge(nnx.graphdef(self.model), average), self.tokenizer))
        begun = [list(takewhile(lambda turn: not turn.mine, conversation)) for conversation in self.corpus.val]
        asked = [turns for turns in begun if turns][:SAMPLES] or [[]] * SAMPLES
        said = [[Turn(mine=False, text=turn.text) for turn in turns] for turns in asked]
        requests = [(turns, self.settings.sample, seed + number) for number, turns in enumerate(said)]
        return [reply.text for reply in engine.replies(requests)]

    def _meta(self, progress: TrainProgress, score: Score, ppmd: float) -> Meta:
        return Meta(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            step=progress.step,
            seconds=round(progress.seconds, 1),
            val_bpb=score.bpb,
            posts=self.corpus.posts,
            newest_post=self.corpus.newest_post,
            seed=self.settings.train.seed,
            code_version=version("dann"),
            settings=self.settings.model_dump(mode="json", exclude=set(BOT_TABLES)),  # ids of people are not of the run
            held_out=digests_for_meta(self.corpus.held_out),
            baselines={"ppmd": round(ppmd, 4)},
        )


def size_for(corpus: Corpus, config: TrainConfig) -> sizing.Size:
    """The network's size for a corpus; few posts count as little text, however long they are."""
    text = own_bytes(corpus.train)
    text = min(text, sizing.LITTLE_TEXT) if corpus.posts < FEW_POSTS else text
    return sizing.choose(text, config.minutes, num_devices(config))
