"""The text of a base as a TrainingText: several files, mixed by weight. Knows no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.tokenizer import Tokenizer
from training.base.text import BaseText
from training.config.tables import TrainConfig
from training.data.conversations import Conversation
from training.data.dataset import Dataset, TokenStream, held_out_rows, leave_out_context, weighted_turns
from training.data.windows import fill_windows
from training.runs.sizing import Size

TOKENIZER_BYTES = 20_000_000
"""Most text that the tokenizer is learned from: more changes hardly a pair and takes minutes."""
QUICK_BYTES = 5_000
"""Held-out text of each file that is scored often."""
MOST_HELD_OUT_BYTES = 100_000
"""Held-out text of each file that is scored at the end."""


@dataclass(frozen=True)
class MixedText:
    """One file, and how many times it is read in one pass over all: 0.5 is every second window."""

    text: BaseText
    weight: float


class BaseCorpus:
    """TrainingText of several files of conversations."""

    def __init__(self, mixed: Sequence[MixedText]) -> None:
        self.mixed = mixed

    def size(self, config: TrainConfig) -> Size:  # noqa: ARG002
        """TrainingText: what recipe.toml has, where somebody sets it to "auto"."""
        return Size(vocab_size=2048, hidden_dim=512, dropout=0.0, weight_drop=0.0, embedding_dropout=0.0)

    def tokenizer_texts(self) -> Sequence[str]:
        """Return an even sample of all texts."""
        total = sum(one.text.num_bytes * one.weight for one in self.mixed)
        return [text for one in self.mixed for text in _sample(one.text.train, one.weight * TOKENIZER_BYTES / total)]

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Encode both parts; windows of all files are shuffled together."""
        rng = np.random.default_rng(config.seed)
        filled = [self._windows(one, tokenizer, config, rng) for one in self.mixed]
        tokens_WxT, weights_WxT = (np.concatenate(arrays) for arrays in zip(*filled, strict=True))
        order_W = rng.permutation(len(tokens_WxT))
        quick = [c for one in self.mixed for c in first_bytes(one.text.val, QUICK_BYTES)]
        held_out = [c for one in self.mixed for c in first_bytes(one.text.val, MOST_HELD_OUT_BYTES)]
        return Dataset(
            train=TokenStream(tokens_WxT[order_W].ravel(), weights_WxT[order_W].ravel()),
            val=held_out_rows(held_out, tokenizer),
            quick=held_out_rows(quick, tokenizer),
        )

    @staticmethod
    def _windows(
        one: MixedText, tokenizer: Tokenizer, config: TrainConfig, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and weights of a file's windows, as often as its weight says."""
        conversations = list(leave_out_context(one.text.train, config.without_context, config.seed))
        turns = weighted_turns(conversations, tokenizer, other_weight=1.0)
        tokens_WxT, weights_WxT = fill_windows(turns, config.bptt_length, config.seed)
        whole, part = divmod(one.weight, 1)
        some_W = rng.permutation(len(tokens_WxT))[: round(part * len(tokens_WxT))]
        chosen = np.concatenate([*[np.arange(len(tokens_WxT))] * int(whole), some_W]).astype(int)
        return tokens_WxT[chosen], weights_WxT[chosen]


def first_bytes(conversations: Sequence[Conversation], limit: int) -> Iterator[Conversation]:
    """The first conversations that hold `limit` bytes, at least one."""
    size = 0
    for conversation in conversations:
        yield conversation
        size += sum(len(turn.text.encode()) for turn in conversation)
        if size >= limit:
            return


def _sample(conversations: Sequence[Conversation], share: float) -> Iterator[str]:
    """An even share of the conversations' texts, all of them from 1 on."""
    taken = 0.0
    for conversation in conversations:
        taken += share
        if taken >= 1.0 or share >= 1.0:
            taken -= 1.0
            yield from (turn.text for turn in conversation)
