"""A neural cache: tokens that came where the network's prediction was like the present one.

After Grave et al. (2016, arXiv 1612.04426) and kNN-LM (Khandelwal et al. 2019, arXiv 1911.00172), with the predicted
distribution as the key instead of the hidden state, so that it works on arrays and the same for every architecture. Knows no
network, only its ln p.
"""

import numpy as np

CACHE_TOKENS = 8000
"""Tokens remembered. 20,000 and 60,000 are no better (on Tiny Shakespeare)."""
SHARPNESS = 60.0
"""A remembered token counts exp(this x affinity). From 30 on, figures hardly change."""
NETWORK_SHARE = 0.02
"""Share of the network's own prediction, so that no token is impossible."""


class NeuralCache:
    """Reads a text once, in blocks, and remembers the last `CACHE_TOKENS` tokens."""

    def __init__(self, vocab_size: int) -> None:
        self._keys = np.empty((0, vocab_size), np.float32)
        self._tokens = np.empty(0, np.int64)

    def ln_p(self, block: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The cache's ln p `[n, V]` of the next `tokens[n]`, which it then remembers, from the network's, `block`.

        Two predictions p and q are as alike as their affinity, the sum of sqrt(p q), which is 1 for equal ones.
        """
        old, n = len(self._tokens), len(block)
        keys = np.exp(0.5 * block).astype(np.float32)
        self._keys = np.concatenate([self._keys, keys])
        self._tokens = np.concatenate([self._tokens, tokens])
        weights = np.exp(SHARPNESS * (keys @ self._keys.T - 1.0))
        weights *= np.arange(old + n) < old + np.arange(n)[:, None]  # only what came before
        cached = weights @ np.eye(block.shape[1], dtype=np.float32)[self._tokens]
        network = np.exp(block)
        total = cached.sum(1, keepdims=True)
        mean = np.where(total > 0, cached / np.maximum(total, 1e-30), network)
        self._keys, self._tokens = self._keys[-CACHE_TOKENS:], self._tokens[-CACHE_TOKENS:]
        ln_p: np.ndarray = np.log((1 - NETWORK_SHARE) * mean + NETWORK_SHARE * network + 1e-30)
        return ln_p
