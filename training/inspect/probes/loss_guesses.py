"""Which wrong loss is it? Every usual slip, computed on the same logits: the one that gives the number found is the cause."""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import numpy as np

from training.inspect.reference import log_softmax, mean_nats, nats

FEW_ROWS = 4
MATCH = 5e-5
"""Relative difference up to which a loss is the reference's: float32 sums of a thousand terms differ by a hundredth of it."""
EXPLAINED = 1e-5
"""And up to which a slip explains it: there are many slips, and by chance one of them comes near."""


class LossGuess(NamedTuple):
    """A wrong loss in words, the suspect that it is a sign of, and its value."""

    suspect: str
    words: str
    value: float


def row_orders(num_rows: int) -> list[tuple[int, ...]]:
    """Other orders of a batch's rows: all of them where there are few, else those in turn and in reverse."""
    usual = tuple(range(num_rows))
    if num_rows <= FEW_ROWS:
        return [order for order in permutations(usual) if order != usual]
    return [usual[by:] + usual[:by] for by in range(1, num_rows)] + [usual[::-1]]


def same(found: float, expected: float, tolerance: float = MATCH) -> bool:
    """Whether two losses are one."""
    return abs(found - expected) <= tolerance * max(abs(expected), 1e-6)


def wrong_losses(logits: np.ndarray, rows_SxN: np.ndarray, first: int, weights_SxT: np.ndarray) -> Iterator[LossGuess]:
    """The usual wrong losses of `logits[S, T, V]`, whose targets are `rows[:, first : first + T]` of a longer text."""
    S, T, _ = logits.shape
    targets = rows_SxN[:, first : first + T]
    right = nats(logits, targets)
    total, counted = float((right * weights_SxT).sum()), max(float(weights_SxT.sum()), 1.0)
    for divisor, words in (
        (1.0, "the sum over all tokens"),
        (S, f"the sum over the window, divided by the {S} rows alone"),
        (T, f"the sum over the rows, divided by the {T} steps alone"),
        (counted * S, "the mean, divided by the rows once more"),
        (counted * T, "the mean, divided by the steps once more"),
        (counted * counted, "the mean, divided by the tokens once more"),
        (counted / S, f"the mean, multiplied by the {S} rows"),
        (counted / T, f"the mean, multiplied by the {T} steps"),
    ):
        yield LossGuess("sum-instead-of-mean", words, total / divisor)
    for shift, words in (
        (-1, "each token is asked to give itself: the target is the token just read"),
        (1, "the target is the token after the next"),
        (-2, "the target is the token before the one just read"),
        (2, "the target is the third token from here"),
    ):
        at = first + shift
        if at >= 0 and at + T <= rows_SxN.shape[1]:
            yield LossGuess("labels-shifted", words, mean_nats(logits, rows_SxN[:, at : at + T], weights_SxT))
    yield LossGuess("labels-shifted", "targets in reverse order", mean_nats(logits, targets[:, ::-1], weights_SxT))
    once, log_once = np.exp(log_softmax(logits)), log_softmax(logits)
    yield LossGuess("softmax-twice", "the softmax of probabilities", mean_nats(once, targets, weights_SxT))
    twice = -np.log(np.maximum(np.take_along_axis(np.exp(log_softmax(once)), targets[..., None], -1)[..., 0], 1e-30))
    yield LossGuess("softmax-twice", "the softmax, twice", float((twice * weights_SxT).sum() / counted))
    yield LossGuess("softmax-twice", "log-probabilities halved", mean_nats(log_once * 0.5, targets, weights_SxT))
    for axis, words in ((1, "over time"), (0, "over the batch")):
        wrong = nats(logits, targets, axis)
        yield LossGuess(
            "wrong-axis", f"a softmax {words} instead of over tokens", float((wrong * weights_SxT).sum() / counted)
        )
    for order in row_orders(S):
        value = mean_nats(logits, targets[list(order)], weights_SxT)
        yield LossGuess("rows-mixed", "the targets of another row", value)
        value = mean_nats(logits, targets[list(order)], weights_SxT[list(order)])
        yield LossGuess("rows-mixed", "the targets of another row", value)
    yield LossGuess("loss-differs", "loss weights are left out", float(right.mean()))
    yield LossGuess("loss-differs", "divided by all positions, those of weight 0 too", total / (S * T))
    yield LossGuess("loss-differs", "bits instead of nats", total / counted / np.log(2))
    yield LossGuess("loss-differs", "its sign is turned round", -total / counted)
    yield LossGuess("wrong-axis", "the last step of the window alone", float(right[:, -1].mean()))
    yield LossGuess("wrong-axis", "the first step of the window alone", float(right[:, 0].mean()))
    yield LossGuess("wrong-axis", "the first row alone", mean_nats(logits[:1], targets[:1], weights_SxT[:1]))
    for value in (1.0, 2.0, 5.0, 10.0):
        cut = float((np.minimum(right, value) * weights_SxT).sum() / counted)
        yield LossGuess("loss-differs", f"the loss is clipped at {value:g}, not the gradient", cut)
        yield LossGuess(
            "loss-differs", f"the loss is clipped at {value:g}, not the gradient", min(total / counted, value)
        )


def explain(
    found: float, logits: np.ndarray, rows_SxN: np.ndarray, first: int, weights_SxT: np.ndarray
) -> LossGuess | None:
    """The wrong loss nearest to `found`, if one fits."""
    guesses = [
        guess for guess in wrong_losses(logits, rows_SxN, first, weights_SxT) if same(found, guess.value, EXPLAINED)
    ]
    return min(guesses, key=lambda guess: abs(guess.value - found), default=None)
