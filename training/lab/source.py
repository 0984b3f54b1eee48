"""Text of an experiment, and figures measured on it: one file, or the store's posts. Knows no training loop."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from model.architectures import LanguageModel
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.privacy import PrivacyConfig
from training.config.tables import DataConfig, TrainConfig
from training.context_model.mixture import mixed_stateful
from training.data import text_file
from training.data.conversations import Conversation
from training.data.corpus import build_corpus, corpus_digest, without_near_duplicates
from training.data.dataset import Dataset, held_out_rows
from training.data.split import sorted_by_age
from training.evaluation.listening import listening
from training.lab.preset import ExperimentTable
from training.loop.devices import num_devices
from training.loop.scoring import scored
from training.runs.learning import TrainingSetup, TrainingText
from training.runs.post_run import PostText
from training.runs.sizing import Size, choose
from training.store.post import Post

SAMPLE_CHARACTERS = 1000
OPENING_TOKENS = 64
"""Held-out tokens at the start of a sample."""
MOST_REPLIES = 200
CONTEXT_SECONDS = 3600.0
"""How long before the first own post others' posts count as what it answers."""


@dataclass(frozen=True)
class TextFigures:
    """Scores of held-out text: nats per character by text_file.py's two protocols (None for posts), and bits per byte.

    `val_mixed_nats_per_char` is val-stateful mixed with a context model, where the experiment measures it. `listening` is the
    share of held-out replies that find their own context among 10; None for a text.
    """

    val_reset_nats_per_char: float | None
    val_stateful_nats_per_char: float | None
    val_bpb: float
    val_mixed_nats_per_char: float | None = None
    listening: float | None = None


def score_text(
    model: LanguageModel, tokenizer: Tokenizer, text: str, reading: text_file.TextReading = text_file.AS_IT_IS
) -> TextFigures:
    """Score held-out `text` with an empty carry every 256 characters, and in one pass, which gives the bits per byte."""
    tokens = reading.encode(text, tokenizer)
    rows = [
        text_file.windows(tokens, tokenizer, reading.window_tokens(len(tokens), len(text))),
        text_file.one_pass(tokens, tokenizer),
    ]
    scores = [scored(model, held_out) for held_out in rows]
    reset, stateful = (
        score.loss * held_out.num_tokens / text_file.scored_characters(held_out, tokenizer)
        for score, held_out in zip(scores, rows, strict=True)
    )
    return TextFigures(reset, stateful, scores[1].bpb)


def mixed_nats_per_char(model: LanguageModel, tokenizer: Tokenizer, text: text_file.SplitText) -> float:
    """val-stateful of the network mixed with a context model (mixture.py)."""
    train, val = (np.asarray(ids, np.int32) for ids in tokenizer.encode_batch([text.train, text.val]))
    nats = mixed_stateful(model, train, val, tokenizer.token_bytes).mixed
    return float(nats[1:].sum()) / text_file.scored_characters(text_file.one_pass(val, tokenizer), tokenizer)


class Source(TrainingText, Protocol):
    """TrainingText with figures; only runs with the same `sha256` and `split` compare."""

    sha256: str
    """SHA-256 of the whole text."""
    split: str
    """The split in words."""

    def figures(self, setup: TrainingSetup, mixed: bool) -> TextFigures:
        """Score all that is held out."""

    def sample(self, setup: TrainingSetup, seed: int) -> str:
        """About 1,000 characters that the network writes: text at temperature 0.8, posts with the defaults of replies."""


class TextSource:
    """One text file. Raises DannError if it is missing, no text, or too short."""

    def __init__(self, path: Path, train_fraction: float, thinking: int = 0) -> None:
        self._thinking = thinking
        self.text: text_file.SplitText = text_file.read_text(path, train_fraction)
        self.sha256 = self.text.sha256
        self.split = f"the first {100 * train_fraction:g} % train"

    def size(self, config: TrainConfig) -> Size:
        """Choose the network's size where settings say "auto"."""
        return choose(len(self.text.train.encode()), config.minutes, num_devices(config))

    def tokenizer_texts(self) -> Sequence[str]:
        """Return the texts to learn a tokenizer from."""
        return [self.text.train]

    def masks(self, privacy: PrivacyConfig) -> Sequence[str]:  # noqa: ARG002
        """Return none: a text is learned as it is."""
        return ()

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Encode both parts."""
        return text_file.text_dataset(self.text, tokenizer, self._reading(config))

    def figures(self, setup: TrainingSetup, mixed: bool) -> TextFigures:
        """Source: both protocols; bits per byte are those of val-stateful."""
        reading = self._reading(setup.settings.train)
        figures = score_text(setup.model, setup.tokenizer, self.text.val, reading)
        both = mixed_nats_per_char(setup.model, setup.tokenizer, self.text) if mixed else None
        return replace(figures, val_mixed_nats_per_char=both)

    def sample(self, setup: TrainingSetup, seed: int) -> str:
        """Source: the first held-out tokens, and how the network continues them."""
        if self._thinking:
            return "no sample: replies are drawn without pauses (experiment.thinking), so this would not be the network's\n"
        opening = self.text.val[:SAMPLE_CHARACTERS]
        tokens = setup.tokenizer.encode(opening)
        wanted = -(-SAMPLE_CHARACTERS * len(tokens) // len(opening))
        params = SamplingParams(temperature=0.8, top_k=0, top_p=1.0, min_p=0.0, max_tokens=min(wanted, 4096))
        prompt = tokens[:OPENING_TOKENS]
        completion = Engine(Snapshot("", setup.model, setup.tokenizer)).tokens(prompt, params, seed)
        return setup.tokenizer.decode([*prompt, *completion])

    def _reading(self, config: TrainConfig) -> text_file.TextReading:
        return text_file.TextReading(paragraphs=config.carry == "conversation", thinking=self._thinking)


class PostSource(PostText):
    """The store's posts. Raises DannError if there are too few."""

    def __init__(self, posts: Sequence[Post], config: DataConfig, experiment: ExperimentTable) -> None:
        if experiment.thinking:
            raise DannError("experiment.thinking is for texts alone: give experiment.text or --text, or set it to 0")
        self.split = "the newest tenth is held out"
        whole = build_corpus(posts, config)
        self._test: Sequence[Conversation] | None = None
        if experiment.test:
            self.split = "the newest tenth is the test set"
            self._test = whole.val
            posts = _before(posts, whole.held_out, experiment.posts)
        if not experiment.others:
            posts = [post for post in posts if post.mine]
        corpus = build_corpus(posts, config)
        if self._test:
            corpus = replace(corpus, train=without_near_duplicates(corpus.train, self._test))
        super().__init__(corpus)
        self.sha256 = corpus_digest(whole)

    def figures(self, setup: TrainingSetup, mixed: bool) -> TextFigures:  # noqa: ARG002
        """Source: bits per byte of one's own held-out turns, and listening there."""
        val = setup.dataset.val if self._test is None else held_out_rows(self._test, setup.tokenizer)
        heard = listening(setup.model, setup.tokenizer, self._test or self.corpus.val, seed=0)
        return TextFigures(None, None, scored(setup.model, val).bpb, listening=heard.share if heard else None)

    def sample(self, setup: TrainingSetup, seed: int) -> str:
        """Source: posts without a prompt, a line each."""
        params, no_turns = SamplingParams(), list[Turn]()
        requests = [(no_turns, params, seed + number) for number in range(MOST_REPLIES)]
        written = ""
        for reply in Engine(Snapshot("", setup.model, setup.tokenizer)).replies(requests):
            if len(written) >= SAMPLE_CHARACTERS:
                break
            written += reply.text + "\n"
        return written


def _before(posts: Sequence[Post], test: AbstractSet[str], count: int) -> list[Post]:
    """The newest `count` own posts that are not in `test`, all where it is 0, and others' posts from the first of them on."""
    mine = [post for post in sorted_by_age(posts) if post.id not in test]
    chosen = {post.id for post in mine[-count:]}
    first = min((post.time for post in mine[-count:] if post.time is not None), default=None)
    last = max((post.time for post in mine if post.time is not None), default=None)

    def is_context(post: Post) -> bool:
        return first is None or last is None or post.time is None or first - CONTEXT_SECONDS <= post.time <= last

    return [post for post in posts if (post.id in chosen if post.mine else is_context(post))]
