"""A model that counts while it reads: what it expects of every step from all that came before it. NumPy alone.

For each kind of context it knows how often each symbol followed and which one came last. What that is worth is learned:
the score of a symbol is a sum of weights, one for each context in which it was seen, looked up by how often it and how
much in all was seen there, plus weighted logarithms of probabilities: one interpolated from counts, and a network's
where there is one. That is a log-linear model (PAQ's indirect contexts and logistic mixing, Mahoney 2005, for more than
two symbols), trained by gradient steps on the symbol that came, after it was predicted: nothing leaks.
"""

from dataclasses import dataclass, replace

import numpy as np

from training.context_model.byte_trie import ByteTrie, SpelledSteps
from training.context_model.contexts import byte_contexts, speaker_contexts, word_contexts
from training.context_model.counts import Counts, PriorCounts

ORDERS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 14)
"""Bytes in the contexts that the interpolated probability is made of, each falling back on the one before."""
WORDS = (0, 1, 2)
"""Whole words before the one being written."""
SPEAKER_ORDERS = (2, 4)
"""Bytes in the contexts that know who speaks."""
DISCOUNT = 0.7
"""Taken from every count for what was not seen (absolute discounting, Ney et al. 1994)."""

_TOTALS = np.array([1, 2, 3, 5, 9, 17, 33, 129, 1025])
_DISTINCT = np.array([2, 3, 5])
_COUNTS = np.array([2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 90, 180, 400, 1000])
_AGES = np.array([100, 1000, 10_000, 100_000])
_BY_TOTAL = len(_DISTINCT) + 1
_BY_COUNT = 2 * (len(_COUNTS) + 1)
RATE = 0.1
"""Of AdaGrad. From 0.05 to 0.2, and with Adam at its best rate, figures are the same to half a hundredth."""
_BY_AGE = (len(_TOTALS) + 1) * _BY_TOTAL * _BY_COUNT
CELLS = (len(_AGES) + 1) * _BY_AGE
"""Weights of one kind of context."""


@dataclass(frozen=True)
class Inputs:
    """What is known before each of `n` consecutive steps.

    `ln_p[M, n, C]`: the probabilities to be mixed. `rows, columns, cells`: where a symbol was seen in a context, sorted
    by row, and which weight that has. `allowed[n, C]`: the symbols that may come.
    """

    ln_p: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    cells: np.ndarray
    allowed: np.ndarray

    def part(self, first: int, end: int) -> "Inputs":
        """Those of some of the steps."""
        a, b = np.searchsorted(self.rows, [first, end])
        some = slice(a, b)
        return Inputs(
            self.ln_p[:, first:end],
            self.rows[some] - first,
            self.columns[some],
            self.cells[some],
            self.allowed[first:end],
        )

    def beside(self, ln_p: np.ndarray) -> "Inputs":
        """These with one more probability to be mixed, `ln_p[n, C]`."""
        return replace(self, ln_p=np.concatenate([self.ln_p, ln_p[None]]))


class Contexts:
    """All kinds of context of one text, to be asked from step `first_asked` on."""

    def __init__(self, spelling: ByteTrie, steps: SpelledSteps, first_asked: int) -> None:
        self._spelling, self._steps = spelling, steps
        hashes = [
            *byte_contexts(spelling, steps, ORDERS),
            *word_contexts(spelling, steps, WORDS),
            *speaker_contexts(spelling, steps, SPEAKER_ORDERS),
        ]
        self._kinds = [Counts(h, steps.columns, spelling.num_columns, first_asked) for h in hashes]

    @property
    def num_cells(self) -> int:
        """Weights there are, of all kinds together."""
        return len(self._kinds) * CELLS

    def inputs(self, first: int, end: int) -> Inputs:
        """What was known before each of the steps from `first` to `end`; the one probability is the interpolated one."""
        p = np.full((end - first, self._spelling.num_columns), 1.0 / self._spelling.num_columns)
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for kind, counts in enumerate(self._kinds):
            seen = counts.before(first, end)
            totals = np.bincount(seen.rows, seen.counts, end - first)
            distinct = np.bincount(seen.rows, minlength=end - first)
            found.append((seen.rows, seen.columns, _cells(seen, totals, distinct, first) + kind * CELLS))
            if kind < len(ORDERS):
                p *= np.where(distinct > 0, DISCOUNT * distinct / np.maximum(totals, 1), 1.0)[:, None]
                p[seen.rows, seen.columns] += (seen.counts - DISCOUNT) / totals[seen.rows]
        rows, columns, cells = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.argsort(rows, kind="stable")
        allowed = self._spelling.allowed[self._steps.nodes[first:end]]
        return Inputs(np.log(p)[None], rows[order], columns[order], cells[order], allowed)


def _cells(seen: PriorCounts, totals: np.ndarray, distinct: np.ndarray, first: int) -> np.ndarray:
    """Which weight each entry has.

    By how much was seen in the context, and how many different symbols; how often this one was, how many steps ago, and
    whether it was the last to be seen there.
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
    """The weights, and how they learn: AdaGrad (Duchi, Hazan and Singer 2011), so that what is rare still moves."""

    def __init__(self, num_cells: int) -> None:
        """Begin by believing the interpolated probability."""
        self._weights = np.append(1.0, np.zeros(num_cells))
        self._squares = np.zeros_like(self._weights)
        self._mixed = 1

    def joined(self, weight: float, keep: float) -> "LogLinear":
        """A model that mixes in one more probability, which counts `weight`; the rest counts `1 - weight` of what it did.

        Of the squares that slow its steps down a share `keep` stays: beside the newcomer, its weights are to move again.
        """
        other = LogLinear(0)
        other._weights = np.insert((1.0 - weight) * self._weights, self._mixed, weight)
        other._squares = np.insert(keep * self._squares, self._mixed, 0.0)
        other._mixed = self._mixed + 1
        return other

    def nats(self, inputs: Inputs, columns: np.ndarray) -> np.ndarray:
        """-ln p `[n]` of the `columns` that came, predicted from what was known; only then learn from them, all at once."""
        n, C = inputs.allowed.shape
        cell_weights = self._weights[self._mixed :]
        flat = inputs.rows * C + inputs.columns
        scores = np.bincount(flat, cell_weights[inputs.cells], n * C).reshape(n, C)
        scores += np.tensordot(self._weights[: self._mixed], inputs.ln_p, 1)
        scores[~inputs.allowed] = -np.inf
        scores -= scores.max(1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(1, keepdims=True)
        came = np.arange(n), columns
        nats: np.ndarray = np.log(total[:, 0]) - scores[came]
        p /= total
        p[came] -= 1.0  # now the gradient of the loss in the scores
        cells = np.bincount(inputs.cells, p.ravel()[flat], len(cell_weights))
        self._learn(np.append(inputs.ln_p.reshape(self._mixed, -1) @ p.ravel(), cells) / n)
        return nats

    def _learn(self, gradient: np.ndarray) -> None:
        self._squares += gradient**2
        self._weights -= RATE * gradient / (np.sqrt(self._squares) + 1e-3)
