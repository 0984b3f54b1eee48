"""Tokens spelled in steps: byte after byte, then whether the token ends there.

A context model counts bytes better than tokens: what followed "th" helps to predict "e" however the text was cut. A
token is a path in the trie of all tokens' bytes, so p(token) is the product of its steps' probabilities, exactly.
Knows no counts and no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.tokenizer import NUM_SPECIAL

END = 256
"""The symbol of a token that ends where a longer one could go on. Bytes are 0 to 255."""
SPECIAL = 257
"""Special token i is the symbol 257 + i: one step."""

Node = tuple[int, ...]


@dataclass(frozen=True)
class SpelledSteps:
    """Steps `[S]` of consecutive tokens: symbol, its column, the node, the token's index."""

    symbols: np.ndarray
    columns: np.ndarray
    nodes: np.ndarray
    tokens: np.ndarray

    def __len__(self) -> int:
        return len(self.symbols)

    def of_tokens(self, first: int, end: int) -> "SpelledSteps":
        """The steps of the tokens from `first` to `end`."""
        part = slice(*np.searchsorted(self.tokens, [first, end]))
        return SpelledSteps(self.symbols[part], self.columns[part], self.nodes[part], self.tokens[part])


class ByteTrie:
    """The trie of a vocabulary, and the columns that its symbols have in arrays `[.., C]`.

    A symbol that `train` uses has a column; all others share the last one, and are told apart in it by the network alone.
    """

    def __init__(self, token_bytes: Sequence[bytes], train: np.ndarray) -> None:
        spelled = [(SPECIAL + i,) if i < NUM_SPECIAL else tuple(b) for i, b in enumerate(token_bytes)]
        nodes: dict[Node, int] = {(): 0}
        for symbols in spelled:
            for j in range(1, len(symbols) + 1):
                nodes.setdefault(symbols[:j], len(nodes))
        inner = {node[:-1] for node in nodes if node}
        paths = [(*symbols, END) if symbols in inner else symbols for symbols in spelled]
        self.lengths = np.array([len(path) for path in paths])
        self.depths = np.array([len(node) for node in nodes])
        self._symbols = np.zeros((len(paths), max(self.lengths)), np.int64)
        self._nodes = np.zeros_like(self._symbols)
        edges: dict[tuple[int, int], int] = {}
        through: list[tuple[int, int]] = []
        for token, path in enumerate(paths):
            for j, symbol in enumerate(path):
                node = nodes[path[:j]]
                self._symbols[token, j], self._nodes[token, j] = symbol, node
                through.append((token, edges.setdefault((node, symbol), len(edges))))
        self._set_columns(edges, train)
        self._through = np.zeros((len(paths), len(edges)), np.float32)
        self._through[tuple(np.transpose(through))] = 1.0

    def _set_columns(self, edges: dict[tuple[int, int], int], train: np.ndarray) -> None:
        seen = np.unique(self._spell(train)[0])
        self.num_columns = len(seen) + 1
        self._column_of = np.full(SPECIAL + NUM_SPECIAL, len(seen))
        self._column_of[seen] = np.arange(len(seen))
        self.allowed = np.zeros((len(self.depths), self.num_columns), bool)
        self._edge_of = np.full((len(self.depths), SPECIAL + NUM_SPECIAL), -1)
        for (node, symbol), edge in edges.items():
            self._edge_of[node, symbol] = edge
            self.allowed[node, self._column_of[symbol]] = True

    def _spell(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Symbols and nodes of all steps."""
        used = np.arange(self._symbols.shape[1]) < self.lengths[tokens][:, None]
        return self._symbols[tokens][used], self._nodes[tokens][used]

    def steps(self, tokens: np.ndarray) -> SpelledSteps:
        """Every step of `tokens[N]`, in order."""
        symbols, nodes = self._spell(tokens)
        indices = np.repeat(np.arange(len(tokens)), self.lengths[tokens])
        return SpelledSteps(symbols, self._column_of[symbols], nodes, indices)

    def within(self, steps: SpelledSteps) -> np.ndarray:
        """The ln p of each symbol given its column, those of a shared column being equal."""
        shared = self._column_of == self.num_columns - 1
        sharing = ((self._edge_of >= 0) & shared).sum(1)[steps.nodes]
        return np.where(steps.columns == self.num_columns - 1, -np.log(np.maximum(sharing, 1)), 0.0)

    def project(self, ln_p: np.ndarray, steps: SpelledSteps) -> tuple[np.ndarray, np.ndarray]:
        """Project ln p `[N, V]` of tokens to ln p `[S, C]` of columns, at their steps.

        Also returns ln p `[S]` of each step's symbol given its column. The two together are exactly the ln p of the tokens.
        """
        mass = np.maximum(np.exp(ln_p) @ self._through, 1e-30)
        edges = self._edge_of[steps.nodes]
        by_symbol = np.where(edges >= 0, mass[(steps.tokens - steps.tokens[0])[:, None], edges], 0.0)
        by_column = np.zeros((len(steps), self.num_columns), np.float32)
        np.add.at(by_column.T, self._column_of, by_symbol.T)
        here = np.arange(len(steps))
        within = np.log(by_symbol[here, steps.symbols] / by_column[here, steps.columns])
        return np.log(np.maximum(by_column / by_column.sum(1, keepdims=True), 1e-30)), within
