"""Mixture of a network and a context model that counts while it reads.

Every token is predicted before it is counted or learned from, as PPMd does, so its cost is a code length. The context model
reads train, then val; its weights are learned at the end of train, where no network takes part (a network's predictions of
text that it was trained on would be trusted too much), and are learned further over val with it. Works on arrays.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from training.context_model.byte_trie import ByteTrie
from training.context_model.model import Contexts, Inputs, LogLinear
from training.context_model.neural_cache import NeuralCache

TAIL_STEPS = 300_000
"""Steps at the end of train on which weights are learned, about two per token."""
BLOCK_STEPS = 64
"""Steps predicted with the same weights, and then learned from together."""
CHUNK_STEPS = 4096
"""Steps looked up at once, limited by memory."""
NETWORK_WEIGHT = 0.5
CACHE_WEIGHT = 0.2
"""Initial weights of the network and its cache in the mixture; they are learned from there."""
KEPT_SQUARES = 0.1
"""How much of AdaGrad's squares stays when the network joins."""
CHUNK_TOKENS = 512
"""Tokens that the network reads at once."""


@dataclass(frozen=True)
class Mixture:
    """-ln p of every token of val, in nats `[N]`. By the network, by the context model alone, and by both mixed."""

    network: np.ndarray
    context: np.ndarray
    mixed: np.ndarray


def mixed_stateful(
    model: LanguageModel, train_tokens: np.ndarray, val_tokens: np.ndarray, token_bytes: Sequence[bytes]
) -> Mixture:
    """Read val in one pass, and score it with the network, the context model and their mixture.

    `token_bytes` is the tokenizer's. Divide sums by characters, or by ln 2 x bytes. For posts, tokens are conversations
    with their special tokens (dataset.scored_stream), of which only scored tokens are to be summed.
    """
    return mix(log_probs(model, val_tokens, train_tokens[-1:]), train_tokens, val_tokens, token_bytes)


def mix(
    network: Iterable[np.ndarray], train_tokens: np.ndarray, val_tokens: np.ndarray, token_bytes: Sequence[bytes]
) -> Mixture:
    """`mixed_stateful` from a network's ln p in blocks `[n, V]`: row i of all together predicts token i of val."""
    return _Reader(train_tokens, val_tokens, token_bytes).read(network)


def log_probs(model: LanguageModel, tokens: np.ndarray, before: np.ndarray) -> Iterator[np.ndarray]:
    """The network's ln p of every token, in blocks `[n, V]`, each predicted from all the tokens before it.

    It first reads `before`, at least one token, from an empty carry.
    """
    graph, params = nnx.split(model)

    @jax.jit
    def read(params: Any, chunk: jax.Array, carry: Any) -> tuple[jax.Array, Any]:
        network: Any = nnx.merge(graph, params)
        logits, carry = network(chunk[None], carry)
        return jax.nn.log_softmax(logits[0]), carry

    carry = model.initial_carry(1)
    read_tokens = np.concatenate([before, tokens])[:-1].astype(np.int32)
    skipped = len(before) - 1
    for first in range(0, len(read_tokens), CHUNK_TOKENS):
        chunk = read_tokens[first : first + CHUNK_TOKENS]
        padded = jnp.asarray(np.pad(chunk, (0, CHUNK_TOKENS - len(chunk))))  # one shape, compiled once
        ln_p, carry = read(params, padded, carry)
        yield np.asarray(ln_p)[max(0, skipped - first) : len(chunk)]


class _Reader:
    """Train and val spelled in steps, and the context model's counts over them."""

    def __init__(self, train_tokens: np.ndarray, val_tokens: np.ndarray, token_bytes: Sequence[bytes]) -> None:
        self._num_tokens, self._val_tokens = len(token_bytes), val_tokens
        self._spelling = ByteTrie(token_bytes, train_tokens)
        self._train = len(self._spelling.steps(train_tokens))
        self._steps = self._spelling.steps(np.concatenate([train_tokens, val_tokens]))
        self._val = self._spelling.steps(val_tokens)
        self._tail = max(0, self._train - TAIL_STEPS)
        self._contexts = Contexts(self._spelling, self._steps, self._tail)

    def read(self, network: Iterable[np.ndarray]) -> Mixture:
        """Nats of every token of val by `network`, by the context model, and by both mixed."""
        context = LogLinear(self._contexts.num_cells)
        for inputs, columns in self._blocks(self._tail, self._train):
            context.nats(inputs, columns)
        mixed = context.with_input(NETWORK_WEIGHT, KEPT_SQUARES).with_input(CACHE_WEIGHT, keep=1.0)
        nats, by_network, by_cache, within = self._project(network)
        alone, both, position = [], [], 0
        for inputs, columns in self._blocks(self._train, len(self._steps)):
            here = slice(position, position + len(columns))
            alone.append(context.nats(inputs, columns))
            both.append(mixed.nats(inputs.with_ln_p(by_network[here]).with_ln_p(by_cache[here]), columns))
            position = here.stop
        return Mixture(nats, self._by_token(alone, self._spelling.within(self._val)), self._by_token(both, within))

    def _project(self, network: Iterable[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Over val: the network's nats `[N]`; its and its cache's ln p of columns `[S, C]`; its ln p `[S]` within these."""
        cache, first, projected = NeuralCache(self._num_tokens), 0, []
        for block in network:
            steps, tokens = self._val.of_tokens(first, first + len(block)), self._val_tokens[first : first + len(block)]
            ln_p, within = self._spelling.project(block, steps)
            nats = -block[np.arange(len(block)), tokens].astype(np.float64)
            projected.append((nats, ln_p, self._spelling.project(cache.ln_p(block, tokens), steps)[0], within))
            first += len(block)
        return tuple(np.concatenate(parts) for parts in zip(*projected, strict=True))

    def _blocks(self, first: int, end: int) -> Iterator[tuple[Inputs, np.ndarray]]:
        for chunk in range(first, end, CHUNK_STEPS):
            stop = min(chunk + CHUNK_STEPS, end)
            inputs = self._contexts.inputs(chunk, stop)
            for block in range(chunk, stop, BLOCK_STEPS):
                last = min(block + BLOCK_STEPS, stop)
                yield inputs.part(block - chunk, last - chunk), self._steps.columns[block:last]

    def _by_token(self, nats: list[np.ndarray], within: np.ndarray) -> np.ndarray:
        """Sum the steps of each token; `within` is ln p of each symbol in its column."""
        return np.bincount(self._val.tokens, np.concatenate(nats) - within)
