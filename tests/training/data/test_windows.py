"""Windows begin with conversations; nothing is learned twice, and nothing is lost but padding."""

import random
from collections import Counter

import numpy as np
import pytest

from model.tokenizer import BOS, ME, OTHER
from training.data.windows import WeightedTurn, fill_windows


def turn(*ids: int, mine: bool = True, weight: float = 1.0) -> WeightedTurn:
    return WeightedTurn([ME if mine else OTHER, *ids], [0.5, *[weight] * len(ids)])


def test_short_conversations_share_a_window_and_the_rest_is_padding() -> None:
    tokens, weights = fill_windows([[turn(10, 11)], [turn(12)]], length=10, seed=0)
    assert tokens.shape == (1, 10)
    first, second = ([BOS, ME, 10, 11], [BOS, ME, 12])
    assert tokens[0].tolist() in ([*first, *second, BOS, BOS, BOS], [*second, *first, BOS, BOS, BOS])
    ends = [place for place in range(1, 10) if tokens[0, place] == BOS and tokens[0, place - 1] != BOS]
    assert weights[0, ends].tolist() == [1.0, 1.0]  # a conversation's end is learned, twice
    assert weights[0, 0] == 0.0
    assert weights[0, -2:].tolist() == [0.0, 0.0]


def test_a_long_conversation_goes_on_after_what_was_said_before() -> None:
    turns = [turn(*range(10 * n, 10 * n + 5), mine=n % 2 == 1) for n in range(1, 5)]  # 6 tokens each
    tokens, weights = fill_windows([turns], length=16, seed=0)
    rows = sorted(zip(tokens.tolist(), weights.tolist(), strict=True), key=lambda row: row[0][2])
    assert [row[0][:8] for row in rows] == [
        [BOS, ME, 10, 11, 12, 13, 14, OTHER],
        [BOS, OTHER, 20, 21, 22, 23, 24, ME],
        [BOS, ME, 30, 31, 32, 33, 34, OTHER],
    ]
    for _, row_weights in rows[1:]:
        assert row_weights[1:7] == [0.0] * 6  # repeated as context: read, not learned
    learned = Counter(
        token for tokens_, weights_ in rows for token, weight in zip(tokens_, weights_, strict=True) if weight == 1.0
    )
    assert all(learned[token] == 1 for t in turns for token in t.tokens[1:])


def test_a_turn_longer_than_a_window_is_cut() -> None:
    tokens, weights = fill_windows([[turn(*range(10, 60))]], length=16, seed=0)
    assert tokens.tolist() == [[BOS, ME, *range(10, 23), BOS]]
    assert weights[0, 2:15].tolist() == [1.0] * 13
    assert weights[0, 15] == 0.0  # it does not end here


@pytest.mark.parametrize("seed", range(5))
def test_every_token_is_learned_once_whatever_the_lengths(seed: int) -> None:
    rng, numbers = random.Random(seed), iter(range(10, 10_000))
    conversations = [
        [
            turn(*(next(numbers) for _ in range(rng.randrange(1, 12))), mine=rng.random() < 0.5)
            for _ in range(rng.randrange(1, 9))
        ]
        for _ in range(60)
    ]
    tokens, weights = fill_windows(conversations, length=24, seed=seed)
    assert (tokens[:, 0] == BOS).all()
    learned = Counter(tokens[(weights == 1.0) & (tokens >= 10)].tolist())
    assert learned == Counter(token for c in conversations for t in c for token in t.tokens[1:])
    again = fill_windows(conversations, length=24, seed=seed)
    np.testing.assert_array_equal(again[0], tokens)
    padding = (weights == 0) & (tokens == BOS)
    assert padding.mean() < 0.25
