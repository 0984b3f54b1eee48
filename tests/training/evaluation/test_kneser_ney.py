"""Kneser-Ney against the textbook, written out slowly, and its probabilities against 1."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from model.tokenizer import Tokenizer
from training.evaluation.kneser_ney import KneserNey, kneser_ney_bpb, unigram_bpb

Gram = tuple[int, ...]


class Textbook:
    """Chen and Goodman (1998), equations 17 and 18, one n-gram at a time; adjusted counts as in Heafield et al. (2013)."""

    def __init__(self, sequences: Sequence[Sequence[int]], vocab_size: int, order: int) -> None:
        self.vocab_size, self.order, begin = vocab_size, order, vocab_size
        raw: Counter[Gram] = Counter()
        for ids in sequences:
            padded = [begin, *ids]
            for end in range(1, len(padded)):
                for n in range(1, min(order, end + 1) + 1):
                    raw[tuple(padded[end + 1 - n : end + 1])] += 1
        before: dict[Gram, set[int]] = defaultdict(set)
        for gram in raw:
            before[gram[1:]].add(gram[0])
        self.adjusted = {
            gram: count if len(gram) == order or gram[0] == begin else len(before[gram]) for gram, count in raw.items()
        }
        self.discounts = {n: self._discount(n) for n in range(1, order + 1)}

    def _discount(self, n: int) -> list[float]:
        of = Counter(count for gram, count in self.adjusted.items() if len(gram) == n)
        default = [0.0, 0.5, 1.0, 1.5]
        if not all(of[c] for c in (1, 2, 3, 4)):
            return default
        y = of[1] / (of[1] + 2 * of[2])
        exact = [0.0, 1 - 2 * y * of[2] / of[1], 2 - 3 * y * of[3] / of[2], 3 - 4 * y * of[4] / of[3]]
        return [d if 0 < d < c else default[c] for c, d in enumerate(exact)]

    def p(self, token: int, context: Gram) -> float:
        n = len(context) + 1
        below = self.p(token, context[1:]) if context else 1 / self.vocab_size
        children = {g: c for g, c in self.adjusted.items() if g[:-1] == context and len(g) == n}
        if not children:
            return below
        total, d = sum(children.values()), self.discounts[n]
        taken = sum(min(d[min(c, 3)], c) for c in children.values())
        count = children.get((*context, token), 0)
        return max(count - d[min(count, 3)], 0) / total + taken / total * below


def random_sequences(seed: int, vocab_size: int, sizes: Sequence[int]) -> list[list[int]]:
    """Sequences with structure: the next token mostly follows from the last one."""
    rng = np.random.default_rng(seed)
    sequences = []
    for size in sizes:
        ids = [int(rng.integers(vocab_size))]
        while len(ids) < size:
            step = int(rng.integers(1, 4)) if rng.random() < 0.8 else int(rng.integers(vocab_size))
            ids.append((ids[-1] * 2 + step) % vocab_size)
        sequences.append(ids[:size])
    return sequences


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_is_the_textbook(order: int) -> None:
    train, val = random_sequences(0, 12, [60, 1, 30, 0, 25]), random_sequences(1, 13, [20, 1, 9])
    slow, begin = Textbook(train, 13, order), 13
    wanted = []
    for ids in val:
        padded = [begin, *ids]
        for i in range(1, len(padded)):
            context = tuple(padded[max(0, i - order + 1) : i])
            wanted += [-math.log(slow.p(padded[i], context))]
    np.testing.assert_allclose(KneserNey(train, 13, order).nats(val), wanted, rtol=1e-9)


def test_the_textbook_test_estimates_its_discounts() -> None:
    """Otherwise it would compare only the fallback."""
    slow = Textbook(random_sequences(0, 12, [60, 1, 30, 0, 25]), 13, 3)
    assert any(slow.discounts[n] != [0.0, 0.5, 1.0, 1.5] for n in (1, 2, 3))


@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_probabilities_sum_to_one(order: int) -> None:
    model = KneserNey(random_sequences(2, 20, [400, 50, 3]), 20, order)
    for context in random_sequences(3, 20, [0, 1, 2, 3, 4, 5, 9, 30] * 3):
        last = [model.nats([[*context, token]])[-1] for token in range(20)]
        assert np.exp(-np.array(last)).sum() == pytest.approx(1.0, abs=1e-9)


def test_a_sequence_does_not_see_the_one_before_it() -> None:
    model = KneserNey(random_sequences(2, 20, [400, 50, 3]), 20, 4)
    first, second = random_sequences(3, 20, [30, 30])
    np.testing.assert_array_equal(model.nats([first, second])[30:], model.nats([second]))


def test_bits_per_byte_by_hand() -> None:
    """Two bytes, seen 3 and 1 times: KN of order 1 with the fallback discounts 1.5 and 0.5 and 259 ids."""
    tokenizer = Tokenizer.train([], 259)
    rest = (1.5 + 0.5) / 4 / 259
    wanted = -(math.log2(1.5 / 4 + rest) + math.log2(0.5 / 4 + rest) + math.log2(rest)) / 3
    assert unigram_bpb(["aab", "a"], ["abc"], tokenizer) == pytest.approx(wanted, rel=1e-9)
    assert unigram_bpb(["aab", "a"], ["ab", "c"], tokenizer) == pytest.approx(wanted, rel=1e-9)


def test_more_context_costs_fewer_bits() -> None:
    train = [f"the loss of run {i} goes down" for i in range(200)]
    tokenizer = Tokenizer.train([], 259)
    val = ["the loss of run 77 goes down"]
    assert kneser_ney_bpb(train, val, tokenizer) < 0.6
    assert unigram_bpb(train, val, tokenizer) > 3.0
    assert kneser_ney_bpb([], val, tokenizer) == pytest.approx(unigram_bpb([], val, tokenizer))
