"""What drawn replies have too often, counted: against shares worked out by hand."""

import numpy as np
import pytest

from model.tokenizer import NUM_SPECIAL, Tokenizer
from model.words import WordSet
from training.evaluation.calibrate import ADDED_COUNT, token_bias, unknown_share

TOKENIZER = Tokenizer.train(["yes no yes no"] * 3, 259)


def of(text: str) -> int:
    (token,) = TOKENIZER.encode(text)
    return token


def test_a_token_that_is_drawn_too_often_is_made_less_likely_by_as_much() -> None:
    answers, drawn = ["ab"] * 100 + ["a"] * 100, ["abb"] * 200
    bias = token_bias(TOKENIZER, answers, drawn)
    assert bias[of("a")] == 0.0
    assert bias[of("b")] == pytest.approx(np.log((100 + ADDED_COUNT) / (400 + ADDED_COUNT)))
    assert not bias[:NUM_SPECIAL].any(), "each reply ends once; where others become less likely, it ends sooner"
    assert bias[of("z")] == 0.0
    assert bias.dtype == np.float32


def test_sets_of_different_size_are_compared_as_the_smaller_one_allows() -> None:
    few = token_bias(TOKENIZER, ["ab"] * 10, ["a"] * 1000)
    assert few[of("b")] == pytest.approx(np.log((10 + ADDED_COUNT) / ADDED_COUNT))
    many = token_bias(TOKENIZER, ["ab"] * 1000, ["a"] * 1000)
    assert many[of("b")] > few[of("b")] > 0
    np.testing.assert_allclose(token_bias(TOKENIZER, ["a"] * 1000, ["ab"] * 10), -few, atol=1e-6)


def test_the_share_of_unknown_words_is_shrunk() -> None:
    known = WordSet.of(["yes", "no"])
    assert unknown_share(["yes no"] * 200, known) == pytest.approx(1 / 500)
    assert unknown_share(["yes maybe"] * 200, known) == pytest.approx(201 / 500)
    assert unknown_share([], known) == pytest.approx(0.01)
