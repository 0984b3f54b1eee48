"""What an experiment learns from and is judged by: one text file, or the store's posts. Knows no training loop."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flax import nnx

from model.architectures import LanguageModel
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.tokenizer import Tokenizer
from training.config.tables import DataConfig, Settings, TrainConfig
from training.data.corpus import Corpus, build_corpus, own_texts
from training.data.dataset import Dataset, build_dataset
from training.data.text_file import SplitText, read_text, text_dataset
from training.lab.text_score import mixed_nats_per_char, score_text
from training.loop.devices import num_devices
from training.loop.scoring import Evaluator
from training.runs.init import learned_tokenizer
from training.runs.learning import size_for
from training.runs.sizing import Size, choose
from training.store.post import Post

SAMPLE_CHARACTERS = 1000
OPENING_TOKENS = 64
"""How many of the held-out tokens a sample begins with."""
MOST_REPLIES = 200


@dataclass(frozen=True)
class TextFigures:
    """How well held-out text is known: nats per character by text_file.py's two protocols (None of posts), bits per byte.

    `val_mixed_nats_per_char` is val-stateful mixed with a context model, where that was asked for.
    """

    val_reset_nats_per_char: float | None
    val_stateful_nats_per_char: float | None
    val_bpb: float
    val_mixed_nats_per_char: float | None = None


class Source(Protocol):
    """`sha256` and `split` say what was learned and held out: only runs that agree in both can be compared."""

    @property
    def sha256(self) -> str:
        """Of the text, whole."""

    @property
    def split(self) -> str:
        """How it is split, in words."""

    def size(self, config: TrainConfig) -> Size:
        """What "auto" stands for."""

    def dataset(self, settings: Settings) -> tuple[Tokenizer, Dataset]:
        """A tokenizer learned from the train part, and both parts as tokens."""

    def figures(self, model: LanguageModel, tokenizer: Tokenizer, dataset: Dataset, mixed: bool) -> TextFigures:
        """Score all that is held out."""

    def sample(self, model: LanguageModel, tokenizer: Tokenizer, seed: int) -> str:
        """About 1,000 characters that the network writes: text at temperature 0.8, posts as replies are by default."""


class TextSource:
    """One text file. Raises DannError if it is not there, is no text, or too short."""

    def __init__(self, path: Path, train_fraction: float) -> None:
        self.text: SplitText = read_text(path, train_fraction)
        self.sha256 = self.text.sha256
        self.split = f"the first {100 * train_fraction:g} % train"

    def size(self, config: TrainConfig) -> Size:
        """Source."""
        return choose(len(self.text.train.encode()), config.minutes, num_devices(config))

    def dataset(self, settings: Settings) -> tuple[Tokenizer, Dataset]:
        """Source."""
        tokenizer = learned_tokenizer(settings.tokenizer, [self.text.train])
        return tokenizer, text_dataset(self.text, tokenizer)

    def figures(self, model: LanguageModel, tokenizer: Tokenizer, dataset: Dataset, mixed: bool) -> TextFigures:  # noqa: ARG002
        """Source: both protocols; the bits per byte are those of the one pass."""
        score = score_text(model, tokenizer, self.text.val)
        both = mixed_nats_per_char(model, tokenizer, self.text) if mixed else None
        return TextFigures(score.reset, score.stateful, score.bpb, both)

    def sample(self, model: LanguageModel, tokenizer: Tokenizer, seed: int) -> str:
        """Source: how the network goes on after the first tokens that were held out, which come first."""
        opening = self.text.val[:SAMPLE_CHARACTERS]
        tokens = tokenizer.encode(opening)
        wanted = -(-SAMPLE_CHARACTERS * len(tokens) // len(opening))
        params = SamplingParams(temperature=0.8, top_k=0, top_p=1.0, min_p=0.0, max_tokens=min(wanted, 4096))
        prompt = tokens[:OPENING_TOKENS]
        drawn = Engine(Snapshot("", model, tokenizer)).tokens(prompt, params, seed)
        return tokenizer.decode([*prompt, *drawn])


class PostSource:
    """The store's posts. Raises DannError if there are too few."""

    split = "the newest tenth is held out"

    def __init__(self, posts: Sequence[Post], config: DataConfig) -> None:
        self.corpus: Corpus = build_corpus(posts, config)
        self.sha256 = _digest(self.corpus)

    def size(self, config: TrainConfig) -> Size:
        """Source."""
        return size_for(self.corpus, config)

    def dataset(self, settings: Settings) -> tuple[Tokenizer, Dataset]:
        """Source."""
        tokenizer = learned_tokenizer(settings.tokenizer, own_texts(self.corpus.train))
        train = settings.train
        dataset = build_dataset(self.corpus.train, self.corpus.val, tokenizer, train.other_weight, train.seed)
        return tokenizer, dataset

    def figures(self, model: LanguageModel, tokenizer: Tokenizer, dataset: Dataset, mixed: bool) -> TextFigures:  # noqa: ARG002
        """Source: bits per byte of one's own held-out turns."""
        score = Evaluator(nnx.graphdef(model), dataset.val)(nnx.state(model, nnx.Param))
        return TextFigures(None, None, score.bpb)

    def sample(self, model: LanguageModel, tokenizer: Tokenizer, seed: int) -> str:
        """Source: posts drawn from nothing, a line each."""
        params = SamplingParams()
        nothing: list[Turn] = []
        asked = [(nothing, params, seed + number) for number in range(MOST_REPLIES)]
        said = ""
        for reply in Engine(Snapshot("", model, tokenizer)).replies(asked):
            if len(said) >= SAMPLE_CHARACTERS:
                break
            said += reply.text + "\n"
        return said


def _digest(corpus: Corpus) -> str:
    """SHA-256 over every turn of both parts, and whose it is."""
    parts = [
        [[(turn.mine, turn.quoted, turn.text) for turn in conversation] for conversation in part]
        for part in (corpus.train, corpus.val)
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
