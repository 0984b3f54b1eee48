"""One training run, from posts to a checkpoint that serves: everything around `fit`. Knows no terminal.

<data>/runs/<id>/settings.json       all tables, as used
<data>/runs/<id>/tokenizer.json      so that a resumed run reads text as it did
<data>/runs/<id>/metrics.jsonl       a line a dispatch and a line an evaluation
<data>/runs/<id>/resume.safetensors  there while the run is not finished
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

from flax import nnx

from model import checkpoint
from model.architectures import LanguageModel
from model.checkpoint import Meta, Snapshot
from model.durable import replace_file
from model.engine import Engine, Turn
from model.errors import DannError
from model.tokenizer import Tokenizer
from training import hosts, resume, sizing
from training.clock import Clock
from training.config import Settings, TrainConfig
from training.corpus import FEW_POSTS, Corpus, build_corpus, own_texts
from training.dataset import Dataset, build_dataset, own_bytes
from training.devices import cores
from training.evaluate import Evaluator, Score, ppmd_bpb
from training.lock import only_training
from training.network import fresh_network, learned_tokenizer, num_params
from training.post import Post
from training.settings import BOT_TABLES
from training.step import TrainState, initial_state
from training.trainer import Ending, Fit, Progress, StepMetrics, fit

SAMPLES = 3


@dataclass(frozen=True)
class Trained:
    """What a run brought: the checkpoint that now serves, and the report's figures."""

    checkpoint: str
    ending: Ending
    score: Score
    steps: int
    seconds: float
    tokens_per_second: float
    params: int
    ppmd: float


class Console(Protocol):
    """Where a run tells what it does (progress.py)."""

    def say(self, line: str) -> None:
        """Tell one line."""

    def begin(self, metrics: Path, samples: Callable[[Any, int], list[str]]) -> None:
        """Training starts: its figures go to `metrics`, and `samples(average, seed)` draws a few sentences."""

    def stepped(self, metrics: StepMetrics) -> None:
        """A dispatch is done."""

    def evaluated(self, metrics: StepMetrics, progress: Progress) -> None:
        """An evaluation is done."""

    def end(self) -> None:
        """Training is over, however it ended."""


def train(settings: Settings, posts: Sequence[Post], console: Console, stopping: Callable[[], bool]) -> Trained:
    """Train afresh on posts sorted by channel and time, save the best weights and let them serve.

    Raises DannError for too few posts, a training already running, no room to save, or a loss that was never finite.
    """
    started = time.monotonic()
    with only_training(settings.data.dir / "train.lock"):
        corpus = build_corpus(posts, settings.data)
        settings = sizing.settled(settings, size_for(corpus, settings.train))
        console.say("learning how the text falls into tokens")
        tokenizer = learned_tokenizer(settings.tokenizer, own_texts(corpus.train))
        folder = _new_folder(settings.data.runs)
        tokenizer.save(folder / "tokenizer.json")
        replace_file(folder / "settings.json", settings.model_dump_json(indent=2).encode())
        run = _Run(folder, settings, corpus, tokenizer, console)
        return run.carry_through(Clock(settings.train, started), stopping, resumed=None)


def resume_last(
    settings: Settings,
    posts: Sequence[Post],
    console: Console,
    stopping: Callable[[], bool],
    minutes: float | None = None,
) -> Trained:
    """Go on with the newest unfinished run in `settings.data` as it was set up, to other `minutes` in all if given.

    Posts that came meanwhile are learned too. Raises DannError where there is none, or it cannot be gone on with.
    """
    started = time.monotonic()
    with only_training(settings.data.dir / "train.lock"):
        folder = hosts.handed_out(settings.data.runs, _unfinished)
        before = _settings_of(folder, type(settings))
        time_given = {"minutes": minutes or before.train.minutes}
        settings = before.model_copy(
            update={"data": settings.data, "train": before.train.model_copy(update=time_given)}
        )
        corpus = build_corpus(posts, settings.data)
        run = _Run(folder, settings, corpus, Tokenizer.load(folder / "tokenizer.json"), console)
        state, progress = resume.load(run.resume_file, run.initial_state())
        console.say(
            f"going on with run {folder.name} at step {progress.step:,}, {progress.seconds / 60:.1f} minutes in"
        )
        return run.carry_through(Clock(settings.train, started, progress.seconds), stopping, (state, progress))


class _Run:
    """The parts of one run. A trainer's Listener: it passes figures on and saves what resuming needs."""

    def __init__(
        self, folder: Path, settings: Settings, corpus: Corpus, tokenizer: Tokenizer, console: Console
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.console = console
        self.resume_file = folder / "resume.safetensors"
        train = settings.train
        self.model: LanguageModel = fresh_network(settings, tokenizer.vocab_size)
        self.dataset: Dataset = build_dataset(corpus.train, corpus.val, tokenizer, train.other_weight, train.seed)

    def initial_state(self) -> TrainState:
        """The state that a fresh start has."""
        return initial_state(self.model, self.settings.train, self.dataset.train)

    def carry_through(
        self, clock: Clock, stopping: Callable[[], bool], resumed: tuple[TrainState, Progress] | None
    ) -> Trained:
        """Fit, score the best weights on all of val, save them, let them serve."""
        self._introduce()
        self.console.begin(self.folder / "metrics.jsonl", self._samples)
        try:
            result = fit(self.model, self.dataset, self.settings.train, clock, self, stopping, resumed)
        finally:
            self.console.end()
        progress = result.progress
        if progress.best is None:
            raise DannError(self._nothing_kept(result))
        nnx.update(self.model, progress.best)
        score = Evaluator(nnx.graphdef(self.model), self.dataset.val)(nnx.state(self.model, nnx.Param))
        saved = self._publish(progress, score)
        if result.ending == "done":
            self.resume_file.unlink(missing_ok=True)
        return self._trained(saved, result, score)

    def stepped(self, metrics: StepMetrics) -> None:
        """Listener: pass on."""
        self.console.stepped(metrics)

    def evaluated(self, metrics: StepMetrics, progress: Progress) -> None:
        """Listener: pass on."""
        self.console.evaluated(metrics, progress)

    def saved(self, state: TrainState, progress: Progress) -> None:
        """Listener: keep what resuming needs."""
        resume.save(self.resume_file, state, progress)

    def _nothing_kept(self, result: Fit) -> str:
        train = self.settings.train
        if result.ending == "diverged":
            return (
                f"the loss was not a finite number after step {result.progress.step}, before anything was worth keeping; "
                f"train.learning_rate is {train.learning_rate}, try a smaller one; nothing else changed"
            )
        if result.ending == "stopped":
            return "stopped before the first step; nothing changed"
        return (
            f"{train.minutes:g} minutes (train.minutes) were over before the first step; give it more; nothing changed"
        )

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

    def _publish(self, progress: Progress, score: Score) -> str:
        root = self.settings.data.checkpoints
        meta = Meta(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            step=progress.step,
            seconds=round(progress.seconds, 1),
            val_bpb=score.bpb,
            posts=self.corpus.posts,
            newest_post=self.corpus.newest_post,
            seed=self.settings.train.seed,
            code_version=version("dann"),
            settings=self.settings.model_dump(mode="json", exclude=set(BOT_TABLES)),  # ids of people are not of the run
        )
        id_ = _unused(root, _timestamp())
        checkpoint.save(root, id_, self.model, self.tokenizer, meta)
        checkpoint.publish(root, id_)
        return id_

    def _trained(self, id_: str, result: Fit, score: Score) -> Trained:
        return Trained(
            checkpoint=id_,
            ending=result.ending,
            score=score,
            steps=result.progress.step,
            seconds=round(result.progress.seconds, 1),
            tokens_per_second=round(result.tokens_per_second),
            params=num_params(self.model),
            ppmd=ppmd_bpb(own_texts(self.corpus.train), own_texts(self.corpus.val)),
        )


def _settings_of(folder: Path, kind: type[Settings]) -> Settings:
    """The settings that a run was begun with, less the tables that `kind` has no use for."""
    tables = json.loads((folder / "settings.json").read_text())
    return kind.model_validate({name: table for name, table in tables.items() if name in kind.model_fields})


def size_for(corpus: Corpus, config: TrainConfig) -> sizing.Size:
    """The network's size for a corpus; few posts count as little text, however long they are."""
    text = own_bytes(corpus.train)
    text = min(text, sizing.LITTLE_TEXT) if corpus.posts < FEW_POSTS else text
    return sizing.choose(text, config.minutes, cores(config))


def _timestamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def _unused(root: Path, name: str) -> str:
    """`name`, with a number behind it if that is taken."""
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(candidate for candidate in names if not (root / candidate).exists())


def _new_folder(runs: Path) -> Path:
    folder = runs / _unused(runs, _timestamp())
    folder.mkdir(parents=True, mode=0o700)
    return folder


def _unfinished(runs: Path) -> Path:
    found = sorted(runs.glob("*/resume.safetensors"))
    if not found:
        raise DannError(f"{runs}: no unfinished run to go on with; run `dann train` without --resume")
    return found[-1].parent
