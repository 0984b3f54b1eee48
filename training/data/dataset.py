"""Conversations to arrays: token streams, what each token counts, and the held-out part with its size in bytes.

Everything is built once, on the host, and then lives on the device: a step only slices it.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from model.tokenizer import BOS, ME, OTHER, Tokenizer
from training.data.conversations import Conversation, TrainingTurn


@dataclass(frozen=True)
class TokenStream:
    """Conversations one after the other. `weights[i]` is what predicting `tokens[i]` counts in the loss."""

    tokens: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class HeldOut:
    """The newest tenth: whole conversations dealt to parallel rows `[S, L]`, so that none is cut.

    `counts[S, L]` is 1 where `tokens` is text of one's own turn, which is what is scored; `num_bytes` is that text's
    UTF-8 size. Special tokens are in neither.
    """

    tokens: np.ndarray
    counts: np.ndarray
    num_bytes: int

    @property
    def num_tokens(self) -> int:
        """How many tokens are scored."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Dataset:
    """What a run learns from and is judged by; `quick` is a part of `val` small enough to score often."""

    train: TokenStream
    val: HeldOut
    quick: HeldOut


MOST_ROWS = 32
"""Of a HeldOut; fewer where one long conversation would leave the other rows mostly empty."""
QUICK_BYTES = 16_000
"""Enough for a steady figure (some 6,000 tokens) in about a second on two cores."""


def build_dataset(
    train: Sequence[Conversation], val: Sequence[Conversation], tokenizer: Tokenizer, other_weight: float, seed: int
) -> Dataset:
    """Encode both parts. Conversations are shuffled once, so that a stream is not one long walk through the years."""
    shuffled = list(train)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 (an order, not a secret)
    spread = list(val)
    random.Random(0).shuffle(spread)  # noqa: S311 (the same quick part whatever the seed, so that runs compare)
    quick = []
    left = QUICK_BYTES
    for conversation in spread:
        quick.append(conversation)
        left -= own_bytes([conversation])
        if left <= 0:
            break
    return Dataset(
        train=_stream(_with_listeners(shuffled, seed), tokenizer, other_weight),
        val=held_out_rows(spread, tokenizer),
        quick=held_out_rows(quick, tokenizer),
    )


def scored_stream(conversations: Sequence[Conversation], tokenizer: Tokenizer) -> TokenStream:
    """Conversations in their own order, one after the other; `weights` are 1 where HeldOut would score, 0 elsewhere.

    What a model reads that goes on learning while it is scored (mixture.py): order matters to it.
    """
    encoded = iter(_encode(conversations, tokenizer))
    pieces = [_scored(conversation, encoded) for conversation in conversations]
    tokens = np.array([id_ for ids, _ in pieces for id_ in ids], np.int32)
    return TokenStream(tokens, np.array([count for _, scored in pieces for count in scored], np.float32))


def own_bytes(conversations: Iterable[Conversation]) -> int:
    """UTF-8 bytes of one's own turns."""
    return sum(len(turn.text.encode()) for c in conversations for turn in c if turn.mine and not turn.quoted)


def _with_listeners(conversations: Sequence[Conversation], seed: int) -> list[Conversation]:
    """Where only one's own posts are known, hand every other one to somebody else, all but the last.

    Otherwise the network would never have read a turn of somebody else's, and could make nothing of a prompt.
    """
    flip = random.Random(seed)  # noqa: S311

    def listened(conversation: Conversation) -> Conversation:
        if not conversation[-1].alone:
            return conversation
        *before, last = conversation
        heard = (TrainingTurn(mine=flip.random() < 0.5, text=turn.text, alone=True) for turn in before)
        return (*heard, last)

    return [listened(conversation) for conversation in conversations]


def _stream(conversations: Sequence[Conversation], tokenizer: Tokenizer, other_weight: float) -> TokenStream:
    tokens: list[int] = []
    weights: list[float] = []
    encoded = iter(_encode(conversations, tokenizer))
    for conversation in conversations:
        # Predicting where one's own turn ends is learned in full: it is how a reply stops.
        boundary = other_weight
        tokens.append(BOS)
        weights.append(1.0)
        for turn in conversation:
            ids = next(encoded)
            counts = 0.0 if turn.quoted else 1.0 if turn.mine or turn.alone else other_weight
            tokens += [ME if turn.mine else OTHER, *ids]
            weights += [boundary, *[counts] * len(ids)]
            boundary = 1.0 if turn.mine else other_weight
    return TokenStream(np.asarray(tokens, np.int32), np.asarray(weights, np.float32))


def held_out_rows(conversations: Sequence[Conversation], tokenizer: Tokenizer) -> HeldOut:
    """Encode conversations, at least one, for scoring; the longest come first, each to the row that is shortest so far."""
    encoded = iter(_encode(conversations, tokenizer))
    pieces = [_scored(conversation, encoded) for conversation in conversations]
    longest, total = max(len(ids) for ids, _ in pieces), sum(len(ids) for ids, _ in pieces)
    rows: list[list[tuple[list[int], list[int]]]] = [[] for _ in range(min(MOST_ROWS, total // longest))]
    lengths = [0] * len(rows)
    for piece in sorted(pieces, key=lambda piece: -len(piece[0])):
        shortest = lengths.index(min(lengths))
        rows[shortest].append(piece)
        lengths[shortest] += len(piece[0])
    tokens = np.full((len(rows), max(lengths)), BOS, np.int32)
    counts = np.zeros_like(tokens, np.float32)
    for row, dealt in enumerate(rows):
        tokens[row, : lengths[row]] = [id_ for ids, _ in dealt for id_ in ids]
        counts[row, : lengths[row]] = [count for _, scored in dealt for count in scored]
    return HeldOut(tokens, counts, own_bytes(conversations))


def _scored(conversation: Conversation, encoded: Iterable[list[int]]) -> tuple[list[int], list[int]]:
    tokens, counts = [BOS], [0]
    for turn, ids in zip(conversation, encoded, strict=False):
        tokens += [ME if turn.mine else OTHER, *ids]
        counts += [0, *[int(turn.mine and not turn.quoted)] * len(ids)]
    return tokens, counts


def _encode(conversations: Iterable[Conversation], tokenizer: Tokenizer) -> list[list[int]]:
    return tokenizer.encode_batch([turn.text for conversation in conversations for turn in conversation])
