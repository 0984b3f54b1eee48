"""A context model, which predicts each step of a text from counts of all before it.

For each kind of context it counts how often each symbol followed, and which one came last. How much that is worth is
learned: the score of a symbol is a sum of weights, one for each context in which it was seen, looked up by its count and
the total there, plus weighted logarithms of probabilities: one interpolated from counts, and a network's where there is
one. That is a log-linear model (PAQ's indirect contexts and logistic mixing, Mahoney 2005, for more than two symbols),
trained by gradient steps on each symbol after it was predicted: nothing leaks. NumPy alone.
"""

from dataclasses import dataclass, replace

import numpy as np

from training.context_model.byte_trie import ByteTrie, SpelledSteps
from training.context_model.contexts import ByteHistory, byte_contexts, speaker_contexts, word_contexts
from training.context_model.counts import Counts, EarlierCounts

ORDERS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 14)
"""Bytes in the contexts of the interpolated probability, each falling back on the shorter one."""
WORDS = (0, 1, 2)
"""Whole words before the one being written."""
SPEAKER_ORDERS = (2, 4)
"""Bytes in the contexts that include the speaker."""
DISCOUNT = 0.7
"""Subtracted from every count in favour of unseen symbols (absolute discounting, Ney et al. 1994)."""

_TOTALS = np.array([1, 2, 3, 5, 9, 17, 33, 129, 1025])
_DISTINCT = np.array([2, 3, 5])
_COUNTS = np.array([2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 90, 180, 400, 1000])
_AGES = np.array([100, 1000, 10_000, 100_000])
_BY_TOTAL = len(_DISTINCT) + 1
_BY_COUNT = 2 * (len(_COUNTS) + 1)
RATE = 0.1
"""AdaGrad's learning rate. From 0.05 to 0.2, and with Adam at its best rate, figures are the same to half a hundredth."""
_BY_AGE = (len(_TOTALS) + 1) * _BY_TOTAL * _BY_COUNT
CELLS = (len(_AGES) + 1) * _BY_AGE
"""Weights of one kind of context."""


@dataclass(frozen=True)
class Inputs:
    """Everything known before each of `n` consecutive steps.

    `ln_p[M, n, C]`: the probabilities to be mixed. `rows, columns, cells`: where a symbol was seen in a context, sorted
    by row, and which weight that has. `allowed[n, C]`: the symbols that may follow.
    """

    ln_p: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    cells: np.ndarray
    allowed: np.ndarray

    def part(self, first: int, end: int) -> "Inputs":
        """The inputs of the steps from `first` to `end`."""
        seen = slice(*np.searchsorted(self.rows, [first, end]))
        rows, columns, cells = self.rows[seen] - first, self.columns[seen], self.cells[seen]
        return Inputs(self.ln_p[:, first:end], rows, columns, cells, self.allowed[first:end])

    def with_ln_p(self, ln_p: np.ndarray) -> "Inputs":
        """These inputs with one more probability to be mixed, `ln_p[n, C]`."""
        return replace(self, ln_p=np.concatenate([self.ln_p, ln_p[None]]))


class Contexts:
    """All kinds of context of one text, for queries from step `first_query` on."""

    def __init__(self, spelling: ByteTrie, steps: SpelledSteps, first_query: int) -> None:
        self._spelling, self._steps = spelling, steps
        history = ByteHistory(spelling, steps)
        hashes = [*byte_contexts(history, ORDERS), *word_contexts(history, WORDS)]
        hashes += speaker_contexts(history, SPEAKER_ORDERS)
        self._kinds = [Counts(h, steps.columns, spelling.num_columns, first_query) for h in hashes]

    @property
    def num_cells(self) -> int:
        """Number of weights of all kinds together."""
        return len(self._kinds) * CELLS

    def inputs(self, first: int, end: int) -> Inputs:
        """Inputs of the steps from `first` to `end`, with the interpolated probability."""
        p = np.full((end - first, self._spelling.num_columns), 1.0 / self._spelling.num_columns)
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for kind, counts in enumerate(self._kinds):
            seen = counts.before(first, end)
            totals = np.bincount(seen.rows, seen.counts, end - first)
            distinct = np.bincount(seen.rows, minlength=end - first)
            parts.append((seen.rows, seen.columns, _cells(seen, totals, distinct, first) + kind * CELLS))
            if kind < len(ORDERS):
                p *= np.where(distinct > 0, DISCOUNT * distinct / np.maximum(totals, 1), 1.0)[:, None]
                p[seen.rows, seen.columns] += (seen.counts - DISCOUNT) / totals[seen.rows]
        rows, columns, cells = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        order = np.argsort(rows, kind="stable")
        allowed = self._spelling.allowed[self._steps.nodes[first:end]]
        return Inputs(np.log(p)[None], rows[order], columns[order], cells[order], allowed)


def _cells(seen: EarlierCounts, totals: np.ndarray, distinct: np.ndarray, first: int) -> np.ndarray:
    """The index of each entry's weight.

    By the total count in the context and the number of distinct symbols; by this symbol's count, how many steps ago it came,
    and whether it was the last to come there.
    """
    latest = np.zeros(len(totals), np.int64)
    np.maximum.at(latest, seen.rows, seen.last)
    total = np.searchsorted(_TOTALS, totals, side="right") * _BY_TOTAL
    context = total + np.searchsorted(_DISTINCT, distinct, side="right")
    count = 2 * np.searchsorted(_COUNTS, seen.counts, side="right") + (seen.last == latest[seen.rows])
    age = np.searchsorted(_AGES, first + seen.rows - seen.last)
    cells: np.ndarray = age * _BY_AGE + context[seen.rows] * _BY_COUNT + count
    return cells


class LogLinear:
    """Weights learned by AdaGrad (Duchi, Hazan and Singer 2011), so that rare ones move."""

    def __init__(self, num_cells: int) -> None:
        """Start from the interpolated probability alone."""
        self._weights = np.append(1.0, np.zeros(num_cells))
        self._squares = np.zeros_like(self._weights)
        self._mixed = 1

    def with_input(self, weight: float, keep: float) -> "LogLinear":
        """A model that mixes in one more probability, with `weight`; all other weights shrink by `1 - weight`.

        AdaGrad's squares, which slow steps down, shrink to a share `keep`: beside a new input, weights are to move again.
        """
        other = LogLinear(0)
        other._weights = np.insert((1.0 - weight) * self._weights, self._mixed, weight)
        other._squares = np.insert(keep * self._squares, self._mixed, 0.0)
        other._mixed = self._mixed + 1
        return other

    def nats(self, inputs: Inputs, columns: np.ndarray) -> np.ndarray:
        """-ln p `[n]` of the symbols `columns`, which are then learned from, all at once."""
        n, C = inputs.allowed.shape
        cell_weights = self._weights[self._mixed :]
        flat = inputs.rows * C + inputs.columns
        scores = np.bincount(flat, cell_weights[inputs.cells], n * C).reshape(n, C)
        scores += np.tensordot(self._weights[: self._mixed], inputs.ln_p, 1)
        scores[~inputs.allowed] = -np.inf
        scores -= scores.max(1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(1, keepdims=True)
        chosen = np.arange(n), columns
        nats: np.ndarray = np.log(total[:, 0]) - scores[chosen]
        p /= total
        p[chosen] -= 1.0  # now the gradient of the loss in the scores
        cells = np.bincount(inputs.cells, p.ravel()[flat], len(cell_weights))
        self._learn(np.append(inputs.ln_p.reshape(self._mixed, -1) @ p.ravel(), cells) / n)
        return nats

    def _learn(self, gradient: np.ndarray) -> None:
        self._squares += gradient**2
        self._weights -= RATE * gradient / (np.sqrt(self._squares) + 1e-3)
