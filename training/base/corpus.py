"""The text of a base as a TrainingText: several files, mixed by weight. Knows no network.

A file is read where it is needed and not kept: as Python objects, 80 MB of chat take 3 GB.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.tokenizer import Tokenizer
from model.words import WordSet
from training.base.sources import SourcesFile
from training.base.text import BaseText, read_base_text
from training.config.privacy import PrivacyConfig
from training.config.tables import TrainConfig
from training.data.conversations import Conversation
from training.data.dataset import Dataset, TokenStream, held_out_rows, leave_out_context, token_stream, weighted_turns
from training.data.windows import fill_windows
from training.evaluation.style import words_of
from training.runs.sizing import Size

TOKENIZER_BYTES = 2_000_000
"""Most text of each file, times its weight, that the tokenizer is learned from: more takes minutes and changes little."""
QUICK_BYTES = 5_000
"""Held-out text of each file that is scored often."""
MOST_HELD_OUT_BYTES = 100_000
"""Held-out text of each file that is scored at the end."""
SAMPLES = 3


@dataclass(frozen=True)
class MixedText:
    """A file in few words. `weight` is how many times it is read in one pass over all: 0.5 is every second window."""

    path: Path
    name: str
    sha256: str
    messages: int
    num_bytes: int
    weight: float
    for_tokenizer: Sequence[str]
    val: Sequence[Conversation]


class BaseCorpus:
    """TrainingText of several files of conversations."""

    def __init__(self, paths: Sequence[Path], about: SourcesFile, say: Callable[[str], None]) -> None:
        """Read every file; raises DannError for one that cannot be read."""
        self.mixed: list[MixedText] = []
        words: set[str] = set()
        for path in paths:
            text = read_base_text(path)
            words.update(*(words_of([turn.text]) for conversation in text.train for turn in conversation))
            table = about.sources.get(text.name)
            weight = table.weight if table else 1.0
            self.mixed.append(
                MixedText(
                    path=path,
                    name=text.name,
                    sha256=text.sha256,
                    messages=text.messages,
                    num_bytes=text.num_bytes,
                    weight=weight,
                    for_tokenizer=list(_sample(text, weight * TOKENIZER_BYTES)),
                    val=list(first_bytes(text.val, MOST_HELD_OUT_BYTES)),
                )
            )
            say(f"{text.name}: {text.messages:,} messages, {text.repeated:,} repeated ones left out")
        self.words = WordSet.of(words)

    def samples(self) -> list[Conversation]:
        """Held-out conversations of several, for samples to answer."""
        return [c for one in self.mixed for c in one.val if len({turn.mine for turn in c}) > 1][:SAMPLES]

    def size(self, config: TrainConfig) -> Size:  # noqa: ARG002
        """TrainingText: what recipe.toml has, where somebody sets it to "auto"."""
        return Size(vocab_size=2048, hidden_dim=512, dropout=0.0, weight_drop=0.0, embedding_dropout=0.0)

    def tokenizer_texts(self) -> Sequence[str]:
        """Return an even sample of each text."""
        return [text for one in self.mixed for text in one.for_tokenizer]

    def masks(self, privacy: PrivacyConfig) -> Sequence[str]:  # noqa: ARG002
        """TrainingText: none, as a base's text is published as it is."""
        return ()

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Encode both parts; conversations, or windows, of all files are shuffled together."""
        rng = np.random.default_rng(config.seed)
        pieces = [piece for one in self.mixed for piece in _weighed(one, tokenizer, config, rng)]
        order = rng.permutation(len(pieces))
        quick = [c for one in self.mixed for c in first_bytes(one.val, QUICK_BYTES)]
        held_out = [c for one in self.mixed for c in one.val]
        return Dataset(
            train=TokenStream(*(np.concatenate([pieces[at][part] for at in order]) for part in range(2))),
            val=held_out_rows(held_out, tokenizer),
            quick=held_out_rows(quick, tokenizer),
        )


Piece = tuple[np.ndarray, np.ndarray]
"""Tokens and their loss weights: a conversation, or a window that begins with one."""


def _weighed(one: MixedText, tokenizer: Tokenizer, config: TrainConfig, rng: np.random.Generator) -> list[Piece]:
    """A file's pieces, as often as its weight says."""
    pieces = _pieces(one, tokenizer, config)
    whole, part = divmod(one.weight, 1)
    some = rng.permutation(len(pieces))[: round(part * len(pieces))]
    return pieces * int(whole) + [pieces[at] for at in some]


def _pieces(one: MixedText, tokenizer: Tokenizer, config: TrainConfig) -> list[Piece]:
    conversations = list(leave_out_context(read_base_text(one.path).train, config.without_context, config.seed))
    turns = weighted_turns(conversations, tokenizer, other_weight=1.0)
    if config.windows == "conversations":
        return list(zip(*fill_windows(turns, config.bptt_length, config.seed), strict=True))
    return [(stream.tokens, stream.weights) for stream in (token_stream([conversation]) for conversation in turns)]


def first_bytes(conversations: Sequence[Conversation], limit: int) -> Iterator[Conversation]:
    """The first conversations that hold `limit` bytes, at least one."""
    size = 0
    for conversation in conversations:
        yield conversation
        size += sum(len(turn.text.encode()) for turn in conversation)
        if size >= limit:
            return


def _sample(text: BaseText, limit: float) -> Iterator[str]:
    """The texts of evenly spaced conversations, about `limit` bytes of them."""
    share, taken = min(1.0, limit / text.num_bytes), 0.0
    for conversation in text.train:
        taken += share
        if taken >= 1.0:
            taken -= 1.0
            yield from (turn.text for turn in conversation)
