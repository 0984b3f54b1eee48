"""The text of a base as a TrainingText: several files, mixed by weight. Knows no network.

A file is read where it is needed and not kept: as Python objects, 80 MB of chat take 3 GB.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.tokenizer import Tokenizer
from training.base.sources import SourcesFile
from training.base.text import BaseText, read_base_text
from training.config.tables import TrainConfig
from training.data.conversations import Conversation
from training.data.dataset import Dataset, TokenStream, held_out_rows, leave_out_context, weighted_turns
from training.data.windows import fill_windows
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
        for path in paths:
            text = read_base_text(path)
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

    def samples(self) -> list[Conversation]:
        """Held-out conversations of several, for samples to answer."""
        return [c for one in self.mixed for c in one.val if len({turn.mine for turn in c}) > 1][:SAMPLES]

    def size(self, config: TrainConfig) -> Size:  # noqa: ARG002
        """TrainingText: what recipe.toml has, where somebody sets it to "auto"."""
        return Size(vocab_size=2048, hidden_dim=512, dropout=0.0, weight_drop=0.0, embedding_dropout=0.0)

    def tokenizer_texts(self) -> Sequence[str]:
        """Return an even sample of each text."""
        return [text for one in self.mixed for text in one.for_tokenizer]

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Encode both parts; windows of all files are shuffled together."""
        rng = np.random.default_rng(config.seed)
        filled = [_windows(one, tokenizer, config, rng) for one in self.mixed]
        tokens_WxT, weights_WxT = (np.concatenate(arrays) for arrays in zip(*filled, strict=True))
        order_W = rng.permutation(len(tokens_WxT))
        quick = [c for one in self.mixed for c in first_bytes(one.val, QUICK_BYTES)]
        held_out = [c for one in self.mixed for c in one.val]
        return Dataset(
            train=TokenStream(tokens_WxT[order_W].ravel(), weights_WxT[order_W].ravel()),
            val=held_out_rows(held_out, tokenizer),
            quick=held_out_rows(quick, tokenizer),
        )


def _windows(
    one: MixedText, tokenizer: Tokenizer, config: TrainConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and weights of a file's windows, as often as its weight says."""
    conversations = list(leave_out_context(read_base_text(one.path).train, config.without_context, config.seed))
    turns = weighted_turns(conversations, tokenizer, other_weight=1.0)
    tokens_WxT, weights_WxT = fill_windows(turns, config.bptt_length, config.seed)
    whole, part = divmod(one.weight, 1)
    some_W = rng.permutation(len(tokens_WxT))[: round(part * len(tokens_WxT))]
    chosen_W = np.concatenate([*[np.arange(len(tokens_WxT))] * int(whole), some_W]).astype(int)
    return tokens_WxT[chosen_W], weights_WxT[chosen_W]


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
