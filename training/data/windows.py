"""Windows of one length that each begin with a conversation, so that what a turn answers lies in its window.

A long conversation is cut between turns; each further piece begins with the turns before it once more, read but not learned.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model.tokenizer import BOS

CONTEXT_SHARE = 0.5
"""Most of a window that a further piece of a conversation spends on what was said before it."""


class WeightedTurn(NamedTuple):
    """A turn as tokens, its marker first, and the loss weight of each."""

    tokens: list[int]
    weights: list[float]


@dataclass(frozen=True)
class Piece:
    """Tokens that fit into a window, with their weights; `ends` where the conversation ends with them."""

    tokens: list[int]
    weights: list[float]
    ends: bool


def fill_windows(
    conversations: Iterable[Sequence[WeightedTurn]], length: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and weights, `[windows, length]`, of whole pieces: in each one drawn at random, then the longest that fit."""
    pieces = [piece for conversation in conversations for piece in _pieces(conversation, length)]
    random.Random(seed).shuffle(pieces)  # noqa: S311 (an order, not a secret)
    by_length: list[list[int]] = [[] for _ in range(length + 1)]
    for number, piece in enumerate(pieces):
        by_length[len(piece.tokens)].append(number)
    used = [False] * len(pieces)
    tokens = np.full((len(pieces), length), BOS, np.int32)
    weights = np.zeros((len(pieces), length), np.float32)
    count = 0
    for first in range(len(pieces)):
        if used[first]:
            continue
        room, number, end_weight = length, first, 0.0
        while True:
            piece = pieces[number]
            used[number] = True
            start, size = length - room, len(piece.tokens)
            tokens[count, start : start + size], weights[count, start : start + size] = piece.tokens, piece.weights
            weights[count, start] = end_weight  # of the BOS: it says that the piece before is over
            end_weight, room = float(piece.ends), room - size
            found = _longest(by_length, used, room)
            if found is None:
                break
            number = found
        if room:
            weights[count, length - room] = end_weight
        count += 1
    return tokens[:count], weights[:count]


def _longest(by_length: list[list[int]], used: list[bool], room: int) -> int | None:
    """Take an unused piece of at most `room` tokens, or None."""
    for numbers in reversed(by_length[: room + 1]):
        while numbers:
            number = numbers.pop()
            if not used[number]:
                return number
    return None


def _pieces(turns: Sequence[WeightedTurn], length: int) -> Iterator[Piece]:
    """Cut a conversation into pieces of at most `length` tokens, BOS and the marker of the turn after it included."""
    room = length - 2
    piece: list[WeightedTurn] = []
    for whole in turns:
        turn = WeightedTurn(whole.tokens[:room], whole.weights[:room])
        if piece and _size(piece) + len(turn.tokens) > room:
            yield _piece(piece, following=turn)
            context: list[WeightedTurn] = []
            for earlier in reversed(piece):
                if _size(context) + len(earlier.tokens) > min(CONTEXT_SHARE * length, room - len(turn.tokens)):
                    break
                context.insert(0, WeightedTurn(earlier.tokens, [0.0] * len(earlier.tokens)))
            piece = context
        piece.append(turn)
        if len(whole.tokens) > room:  # the rest is left out, and so is where it stops
            yield Piece([BOS, *turn.tokens], [0.0, *turn.weights], ends=False)
            piece = []
    if piece:
        yield _piece(piece, following=None)


def _size(turns: Sequence[WeightedTurn]) -> int:
    return sum(len(turn.tokens) for turn in turns)


def _piece(turns: Sequence[WeightedTurn], following: WeightedTurn | None) -> Piece:
    tokens, weights = [BOS], [0.0]
    for turn in turns:
        tokens += turn.tokens
        weights += turn.weights
    if following:  # its marker is where the last turn stops
        tokens.append(following.tokens[0])
        weights.append(following.weights[0])
    return Piece(tokens, weights, ends=following is None)
