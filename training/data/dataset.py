"""Conversations as arrays: token streams with loss weights, and held-out rows.

Arrays are built once on the host and then stay on the device; a training step only slices them.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from model.tokenizer import BOS, ME, OTHER, Tokenizer
from training.data.conversations import Conversation, TrainingTurn
from training.data.windows import WeightedTurn, fill_windows


@dataclass(frozen=True)
class TokenStream:
    """Concatenated conversations; `weights[i]` is the loss weight of predicting `tokens[i]`."""

    tokens: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class HeldOut:
    """Held-out conversations in parallel rows `[S, L]`, each whole in one row.

    `counts[S, L]` is 1 for tokens that are scored, the text of the owner's turns, else 0; `num_bytes` is that text's UTF-8
    size. Special tokens are in neither.
    """

    tokens: np.ndarray
    counts: np.ndarray
    num_bytes: int

    @property
    def num_tokens(self) -> int:
        """The number of scored tokens."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Dataset:
    """The training and held-out data of a run; `quick`, a part of `val`, is scored often."""

    train: TokenStream
    val: HeldOut
    quick: HeldOut


MAX_ROWS = 32
"""Rows of a HeldOut; fewer where one long conversation would leave the other rows mostly empty."""
QUICK_BYTES = 16_000
"""Enough for a stable score (some 6,000 tokens) in about a second on two cores."""


def build_dataset(
    train: Sequence[Conversation],
    val: Sequence[Conversation],
    tokenizer: Tokenizer,
    other_weight: float,
    seed: int,
    window: int = 0,
    without_context: float = 0.0,
) -> Dataset:
    """Encode both parts, shuffled once, so that the stream is not in order of time.

    With `window`, the stream is windows of so many tokens that each begin with a conversation (windows.py). The share
    `without_context` of own turns begins one.
    """
    shuffled = list(leave_out_context(train, without_context, seed))
    random.Random(seed).shuffle(shuffled)  # noqa: S311 (an order, not a secret)
    val_shuffled = list(val)
    random.Random(0).shuffle(val_shuffled)  # noqa: S311 (the same quick part for every seed, so that runs compare)
    sizes = accumulate(own_bytes([conversation]) for conversation in val_shuffled)
    quick = val_shuffled[: 1 + sum(size < QUICK_BYTES for size in sizes)]
    turns = weighted_turns(_with_other_turns(shuffled, seed), tokenizer, other_weight)
    return Dataset(
        train=TokenStream(*map(np.ravel, fill_windows(turns, window, seed))) if window else token_stream(turns),
        val=held_out_rows(val_shuffled, tokenizer),
        quick=held_out_rows(quick, tokenizer),
    )


def scored_stream(conversations: Sequence[Conversation], tokenizer: Tokenizer) -> TokenStream:
    """Concatenate conversations in order, which matters to mixture.py; weights are 1 for tokens HeldOut scores, else 0."""
    pieces = list(_scored(conversations, tokenizer))
    tokens = np.array([id_ for ids, _ in pieces for id_ in ids], np.int32)
    return TokenStream(tokens, np.array([count for _, scored in pieces for count in scored], np.float32))


def own_bytes(conversations: Iterable[Conversation]) -> int:
    """Return the UTF-8 size of the owner's turns."""
    return sum(len(turn.text.encode()) for c in conversations for turn in c if turn.mine and not turn.quoted)


def _with_other_turns(conversations: Sequence[Conversation], seed: int) -> list[Conversation]:
    """Give half of the turns in conversations without others to somebody else, never the last.

    Otherwise the network would never read another's turn, and could not use a prompt.
    """
    rng = random.Random(seed)  # noqa: S311

    def reassigned(conversation: Conversation) -> Conversation:
        if not conversation[-1].alone:
            return conversation
        *before, last = conversation
        return (*(TrainingTurn(mine=rng.random() < 0.5, text=turn.text, alone=True) for turn in before), last)

    return [reassigned(conversation) for conversation in conversations]


def leave_out_context(conversations: Iterable[Conversation], share: float, seed: int) -> Iterator[Conversation]:
    """Let a `share` of own turns begin a conversation, so that nothing was said before: a reply is learned without, too.

    Context guidance compares with that (Sanchez et al., 2306.17806; Ho and Salimans, 2207.12598, train so).
    """
    rng = random.Random(seed)  # noqa: S311
    for conversation in conversations:
        begin = 0
        for place, turn in enumerate(conversation):
            if place and turn.mine and not turn.quoted and rng.random() < share:
                yield conversation[begin:place]
                begin = place
        yield conversation[begin:]


def weighted_turns(
    conversations: Sequence[Conversation], tokenizer: Tokenizer, other_weight: float
) -> Iterator[list[WeightedTurn]]:
    """Encode turns with their markers, and weigh the tokens; the end of an own turn, where a reply stops, counts in full."""
    encoded = _encode(conversations, tokenizer)
    for conversation in conversations:
        turns, boundary = [], other_weight
        for turn in conversation:
            ids = next(encoded)
            weight = 0.0 if turn.quoted else 1.0 if turn.mine or turn.alone else other_weight
            turns.append(WeightedTurn([ME if turn.mine else OTHER, *ids], [boundary, *[weight] * len(ids)]))
            boundary = 1.0 if turn.mine else other_weight
        yield turns


def token_stream(conversations: Iterable[Sequence[WeightedTurn]]) -> TokenStream:
    """Concatenate conversations, each with its BOS."""
    tokens: list[int] = []
    weights: list[float] = []
    for conversation in conversations:
        tokens.append(BOS)
        weights.append(1.0)
        for turn in conversation:
            tokens += turn.tokens
            weights += turn.weights
    return TokenStream(np.asarray(tokens, np.int32), np.asarray(weights, np.float32))


def held_out_rows(conversations: Sequence[Conversation], tokenizer: Tokenizer) -> HeldOut:
    """Encode conversations for scoring: longest first, each into the shortest row so far."""
    pieces = list(_scored(conversations, tokenizer))
    longest, total = max(len(ids) for ids, _ in pieces), sum(len(ids) for ids, _ in pieces)
    rows: list[list[tuple[list[int], list[int]]]] = [[] for _ in range(min(MAX_ROWS, total // longest))]
    lengths = [0] * len(rows)
    for piece in sorted(pieces, key=lambda piece: -len(piece[0])):
        shortest = lengths.index(min(lengths))
        rows[shortest].append(piece)
        lengths[shortest] += len(piece[0])
    tokens = np.full((len(rows), max(lengths)), BOS, np.int32)
    counts = np.zeros_like(tokens, np.float32)
    for row, members in enumerate(rows):
        tokens[row, : lengths[row]] = [id_ for ids, _ in members for id_ in ids]
        counts[row, : lengths[row]] = [count for _, scored in members for count in scored]
    return HeldOut(tokens, counts, own_bytes(conversations))


def _scored(conversations: Sequence[Conversation], tokenizer: Tokenizer) -> Iterator[tuple[list[int], list[int]]]:
    """The tokens of each conversation, and for each token 1 if it is scored."""
    encoded = _encode(conversations, tokenizer)
    for conversation in conversations:
        tokens, counts = [BOS], [0]
        for turn in conversation:
            ids = next(encoded)
            tokens += [ME if turn.mine else OTHER, *ids]
            counts += [0, *[int(turn.mine and not turn.quoted)] * len(ids)]
        yield tokens, counts


def _encode(conversations: Iterable[Conversation], tokenizer: Tokenizer) -> Iterator[list[int]]:
    return iter(tokenizer.encode_batch([turn.text for conversation in conversations for turn in conversation]))
