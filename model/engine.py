"""Prompt in, reply out, from one Snapshot. Knows no platform, no posts and no files.

A conversation is turned into the tokens the network was trained on; its end is read in chunks of a fixed size (padded in
front with BOS, which empties the carry and so changes nothing); then tokens are drawn, a few a dispatch, until one is
special: the turn is over. A reply depends on (checkpoint, prompt, SamplingParams, seed) alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.checkpoint import Snapshot
from model.config import SamplingParams
from model.errors import DannError
from model.sampling import sample
from model.tokenizer import BOS, ME, NUM_SPECIAL, OTHER, Tokenizer

PROMPT_TOKENS = 512
"""How much of a conversation is read; its end counts."""
PREFILL_CHUNK = 64
DECODE_CHUNK = 16

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation to answer: `mine` if it is the persona's own."""

    mine: bool
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `tokens` is how many were drawn for it."""

    text: str
    seed: int
    tokens: int
    finish_reason: FinishReason


class EngineFull(DannError):  # noqa: N818 (what it is, not that it is one)
    """As many requests wait as may; ask again later."""


class Engine:
    """Answers from one Snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._graph, self._weights = nnx.split(snapshot.model)
        self._opening = jnp.asarray(_may_open(snapshot.tokenizer))

    def reply(self, conversation: Sequence[Turn], params: SamplingParams, seed: int) -> Completion:
        """The persona's next turn. Never empty, never more than `params.max_tokens` tokens."""
        prompt = prompt_tokens(self.snapshot.tokenizer, conversation)
        drawn: list[int] = []
        for token in self.tokens(prompt, params, seed):
            if token < NUM_SPECIAL:
                return self._completion(drawn, seed, "stop")
            drawn.append(token)
        return self._completion(drawn, seed, "length")

    def tokens(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> Iterator[int]:
        """Draw up to `params.max_tokens` tokens after `prompt`; the caller stops at the first special one."""
        carry, logits = self._read(prompt)
        settings = {name: jnp.asarray(value) for name, value in params.model_dump().items()}
        logits = jnp.where(self._opening, logits, -jnp.inf)
        seen = jnp.zeros(logits.shape, bool)
        key = jax.random.key(seed)
        for start in range(0, params.max_tokens, DECODE_CHUNK):
            (carry, logits, seen), chunk = _decode(
                self._graph, self._weights, (carry, logits, seen), key, start, settings
            )
            yield from np.asarray(chunk)[: params.max_tokens - start].tolist()

    def _read(self, prompt: Sequence[int]) -> tuple[Any, jax.Array]:
        """The carry and the logits after the prompt."""
        padded = [BOS] * (-len(prompt) % PREFILL_CHUNK) + list(prompt)
        carry = self.snapshot.model.initial_carry(1)
        for start in range(0, len(padded), PREFILL_CHUNK):
            chunk = jnp.asarray([padded[start : start + PREFILL_CHUNK]], jnp.int32)
            logits, carry = _prefill(self._graph, self._weights, chunk, carry)
        return carry, logits

    def _completion(self, drawn: Sequence[int], seed: int, reason: FinishReason) -> Completion:
        raw = self.snapshot.tokenizer.decode_bytes(drawn)
        if reason == "length":  # the last character may have been cut: drop it rather than show U+FFFD
            raw = _whole_characters(raw)
        return Completion(raw.decode("utf-8", "replace").strip(), seed, len(drawn), reason)


def prompt_tokens(tokenizer: Tokenizer, conversation: Sequence[Turn]) -> list[int]:
    """The conversation as the network was trained on it, up to where the persona's turn begins; the newest is kept."""
    tokens = [ME]
    for turn in reversed(conversation):
        room = PROMPT_TOKENS - 2 - len(tokens)  # for BOS and this turn's marker
        if room <= 0:
            break
        # No token is longer than 64 bytes in practice; a long text's beginning need not even be encoded.
        ids = tokenizer.encode(turn.text[-64 * PROMPT_TOKENS :])[-room:]
        tokens = [ME if turn.mine else OTHER, *ids, *tokens]
    return [BOS, *tokens]


# Compiled once for all engines of one shape: the graph is the key of the cache.
@partial(jax.jit, static_argnums=0)
def _prefill(graph: nnx.GraphDef[Any], weights: Any, tokens: jax.Array, carry: Any) -> tuple[jax.Array, Any]:
    model: Any = nnx.merge(graph, weights)
    logits, carry = model(tokens, carry)
    return logits[0, -1], carry


@partial(jax.jit, static_argnums=0)
def _decode(
    graph: nnx.GraphDef[Any], weights: Any, state: Any, key: jax.Array, start: jax.Array, params: dict[str, jax.Array]
) -> tuple[Any, jax.Array]:
    """Draw DECODE_CHUNK tokens; token n of a reply uses the key folded with n, so chunks change nothing."""
    model: Any = nnx.merge(graph, weights)

    def one(state: Any, number: jax.Array) -> tuple[Any, jax.Array]:
        carry, logits, seen = state
        token = sample(logits, jax.random.fold_in(key, start + number), seen, params)
        logits, carry = model(token[None, None], carry)
        return (carry, logits[0, -1], seen.at[token].set(True)), token

    return jax.lax.scan(one, state, jnp.arange(DECODE_CHUNK))


def _may_open(tokenizer: Tokenizer) -> np.ndarray:
    """Which tokens `[V]` may begin a reply: those that show something, so that none is empty."""
    return np.asarray([bool(token.strip()) for token in tokenizer.token_bytes])


def _whole_characters(raw: bytes) -> bytes:
    """`raw` without a UTF-8 character that breaks off at its end."""
    for length in range(1, min(4, len(raw)) + 1):
        lead = raw[-length]
        if lead & 0xC0 != 0x80:
            expected = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return raw[:-length] if expected > length else raw
    return raw
