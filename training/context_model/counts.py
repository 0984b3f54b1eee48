"""Counts of each symbol after each context, before a given step. Vectorised over steps.

All events are stored once, sorted by context and symbol; a query at step i counts only those before i. Knows no
probabilities.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EarlierCounts:
    """Counts after the contexts of consecutive steps, one entry per step and symbol, sorted by step.

    `rows` from 0; `columns` the symbols; `counts` at least 1; `last` the step at which the symbol came last.
    """

    rows: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    last: np.ndarray


class Counts:
    """Counts of one kind of context over a whole text, for queries from step `first_query` on.

    Arrays with an entry per step or pair have 32 bits: there are many kinds, and all are held at once.
    """

    def __init__(self, contexts: np.ndarray, columns: np.ndarray, num_columns: int, first_query: int) -> None:
        """From the context's hash and the symbol's column at each step `[S]`."""
        numbered = np.unique(contexts, return_inverse=True)[1]
        keys = numbered * num_columns + columns
        order = np.argsort(keys, kind="stable")
        new = np.diff(keys[order], prepend=-1) > 0
        pair = np.cumsum(new) - 1  # of each event, in sorted order
        pairs = keys[order][new]
        self._contexts = numbered.astype(np.int32)
        self._columns = (pairs % num_columns).astype(np.int32)
        self._starts = np.searchsorted(pairs // num_columns, np.arange(numbered.max(initial=-1) + 2)).astype(np.int32)
        late = order >= first_query
        early = np.flatnonzero(~late)
        self._early_counts = np.bincount(pair[early], minlength=len(pairs)).astype(np.int32)
        self._early_last = np.full(len(pairs), -1, np.int32)
        self._early_last[pair[early]] = order[early]  # in ascending order, so the last one stays
        self._num_steps = len(columns)
        self._late = pair[late] * self._num_steps + order[late]  # sorted by pair, then by step
        self._late_starts = np.searchsorted(self._late, np.arange(len(pairs)) * self._num_steps).astype(np.int32)

    def before(self, first: int, end: int) -> EarlierCounts:
        """Counts after the contexts of the steps `first` to `end`, each as of that step."""
        contexts = self._contexts[first:end]
        starts, sizes = self._starts[contexts], self._starts[contexts + 1] - self._starts[contexts]
        rows = np.repeat(np.arange(end - first), sizes)
        pairs = np.arange(len(rows)) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        position = np.searchsorted(self._late, pairs * self._num_steps + rows + first)
        late = position - self._late_starts[pairs]
        latest = self._late[np.maximum(position - 1, 0)] % self._num_steps
        counts = self._early_counts[pairs] + late
        seen = counts > 0
        last = np.where(late > 0, latest, self._early_last[pairs])
        return EarlierCounts(rows[seen], self._columns[pairs[seen]], counts[seen], last[seen])
