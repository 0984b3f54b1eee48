"""Spelling, contexts and counts against the same things done one step at a time."""

import re
from collections import Counter

import numpy as np
import pytest

from training.context_model.byte_trie import END, SPECIAL, ByteTrie, SpelledSteps
from training.context_model.contexts import ByteHistory, byte_contexts, speaker_contexts, word_contexts
from training.context_model.counts import Counts

TOKENS = [b"", b"", b"", b"a", b"b", b"ab", b"aba", b"c", b" ", b" A", b"z", b"zz", b"'", b"\xc3"]
TRAIN = np.array([0, 1, 3, 4, 8, 5, 2, 6, 3, 9, 7, 6, 8, 12, 3, 5])
"""Of all bytes, "z" and 0xC3 are not in it."""


def random_tokens(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, len(TOKENS), size)


def spelled() -> ByteTrie:
    return ByteTrie(TOKENS, TRAIN)


def test_a_token_is_spelled_byte_by_byte_and_ends_where_a_longer_one_could_go_on() -> None:
    steps = spelled().steps(np.array([6, 5, 4, 2]))
    a, b = ord("a"), ord("b")
    assert steps.symbols.tolist() == [a, b, a, a, b, END, b, SPECIAL + 2]
    assert steps.tokens.tolist() == [0, 0, 0, 1, 1, 1, 2, 3]


def test_steps_hold_exactly_what_the_network_says_of_tokens() -> None:
    tokens = random_tokens(200)
    logits = np.random.default_rng(1).normal(0, 3, (200, len(TOKENS)))
    ln_p = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    spelling = spelled()
    steps = spelling.steps(tokens)
    parts = [spelling.project(ln_p[a:b], steps.of_tokens(a, b)) for a, b in ((0, 7), (7, 150), (150, 200))]
    found, within = (np.concatenate(part) for part in zip(*parts, strict=True))
    by_step = found[np.arange(len(steps)), steps.columns] + within
    wanted = ln_p[np.arange(200), tokens]
    np.testing.assert_allclose(np.bincount(steps.tokens, by_step), wanted, rtol=1e-4, atol=1e-4)
    allowed = spelling.allowed[steps.nodes]
    np.testing.assert_allclose(np.where(allowed, np.exp(found), 0).sum(1), 1.0, atol=1e-5)
    assert (np.exp(found)[~allowed] < 1e-20).all()


def test_symbols_that_train_lacks_share_a_column_equally() -> None:
    spelling = spelled()
    steps = spelling.steps(np.array([10, 13, 3, 11]))  # z, its end; 0xC3; a, its end; z, z
    shared = spelling.num_columns - 1
    assert steps.columns.tolist() == [shared, steps.columns[1], shared, *steps.columns[3:5], shared, shared]
    np.testing.assert_allclose(np.exp(spelling.within(steps)), [0.5, 1, 0.5, 1, 1, 0.5, 1])


def partition(keys: list[object]) -> list[int]:
    """Each key replaced by where it came first: equal for two lists that tell the same things apart."""
    first: dict[object, int] = {}
    return [first.setdefault(key, i) for i, key in enumerate(keys)]


def before_each(steps: SpelledSteps) -> list[list[int]]:
    """The bytes before each step, token ends left out."""
    found, history = [], list[int]()
    for symbol in steps.symbols.tolist():
        found.append(list(history))
        if symbol != END:
            history.append(symbol)
    return found


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_byte_contexts_are_the_last_bytes_and_the_depth_in_the_token(order: int) -> None:
    spelling = spelled()
    steps = spelling.steps(random_tokens(500))
    (found,) = byte_contexts(ByteHistory(spelling, steps), (order,))
    depths = spelling.depths[steps.nodes].tolist()
    wanted = [(tuple(h[max(0, len(h) - order) :]), depth) for h, depth in zip(before_each(steps), depths, strict=True)]
    assert partition(found.tolist()) == partition(list(wanted))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_word_contexts_are_words_whatever_stands_between(count: int) -> None:
    spelling = spelled()
    steps = spelling.steps(random_tokens(400))
    (found,) = word_contexts(ByteHistory(spelling, steps), (count,))
    depths = spelling.depths[steps.nodes].tolist()
    wanted = []
    for history, depth in zip(before_each(steps), depths, strict=True):
        text = bytes(s if s < END else ord("\n") for s in history).lower().decode("latin-1")
        running = re.search(r"[a-z'\x80-\xff]*\Z", text)
        assert running
        earlier = re.findall(r"[a-z'\x80-\xff]+", text[: running.start()])
        wanted.append((running[0][:24], tuple(word[:24] for word in ["", "", *earlier][-count:] if count), depth))
    assert partition(found.tolist()) == partition(list(wanted))


def test_speaker_contexts_know_who_speaks() -> None:
    spelling = spelled()
    steps = spelling.steps(random_tokens(400))
    (found,) = speaker_contexts(ByteHistory(spelling, steps), (1,))
    depths = spelling.depths[steps.nodes].tolist()
    wanted = []
    for history, depth in zip(before_each(steps), depths, strict=True):
        speaker = next((s for s in reversed(history) if s >= SPECIAL), 0)
        wanted.append((tuple(history[-1:]), speaker, depth))
    assert partition(found.tolist()) == partition(list(wanted))
    assert speaker_contexts(ByteHistory(spelling, spelling.steps(np.array([3, 4, 5]))), (1,)) == []


def test_counts_are_of_what_came_before_alone() -> None:
    rng = np.random.default_rng(3)
    contexts, columns = rng.integers(0, 9, 600).astype(np.uint64), rng.integers(0, 5, 600)
    counts = Counts(contexts, columns, 5, first_query=200)
    for first, end in ((200, 201), (201, 450), (450, 600)):
        seen = counts.before(first, end)
        assert (np.diff(seen.rows) >= 0).all()
        for row in range(end - first):
            step = first + row
            earlier = np.flatnonzero(contexts[:step] == contexts[step])
            wanted = Counter(columns[earlier].tolist())
            here = seen.rows == row
            assert dict(zip(seen.columns[here].tolist(), seen.counts[here].tolist(), strict=True)) == dict(wanted)
            last = {int(columns[i]): int(i) for i in earlier}
            assert dict(zip(seen.columns[here].tolist(), seen.last[here].tolist(), strict=True)) == last
