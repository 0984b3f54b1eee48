"""A table with a row a reply, and the programs that work on it: read prompts, draw tokens, tell of them. Knows no text.

A row holds what a reply must remember: its carry, and which tokens it has drawn. A program takes a few rows out, goes on
with them for some steps, and puts them back; so a program is compiled once for each of a few numbers of rows, and whoever is
not among them waits where it is. What a row becomes depends on that row alone, bit for bit.
"""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from model.engine.logprobs import LogprobArrays, logprob_arrays
from model.sampling import SamplingArrays, sample

PREFILL_STEPS = 16
DECODE_STEPS = 8
"""Steps of a program: between two programs requests come and go."""


class SlotTable(NamedTuple):
    """What is remembered, an array of `[rows, ...]` each: the network's carry, and `seen[rows, V]` of those that draw."""

    carry: Any
    seen: jax.Array


class PrefillBatch(NamedTuple):
    """Parts of prompts to read: `rows[B]`, `tokens[B, READ_STEPS]`, of which `skip[B]` at the front are none.

    Each goes on from the carry of `sources[B]`, a row, or where the prompt begins here, `fresh[B]`, from none. What it
    comes to is also left in row `copies[B]`. `first[B]` is a request's first part, `own[B, READ_STEPS]` marks tokens of its
    reply, where that is begun already.
    """

    rows: np.ndarray
    sources: np.ndarray
    copies: np.ndarray
    tokens: np.ndarray
    skip: np.ndarray
    fresh: np.ndarray
    first: np.ndarray
    own: np.ndarray


class DecodeBatch(NamedTuple):
    """Replies to go on with: `rows[B]`, each one's last token, its seed, how many tokens it has, its settings."""

    rows: np.ndarray
    tokens: np.ndarray
    seeds: np.ndarray
    counts: np.ndarray
    settings: SamplingArrays


class Programs(NamedTuple):
    """The programs of all networks of a shape; `warm` are the (rows of the table, rows at once) they are compiled for."""

    read: Any
    draw: Any
    keep: Any
    look: Any
    warm: set[tuple[int, int]]


class Slots:
    """A network's weights, a table of `count` rows for it (and one more, for whatever is nobody's), and the programs.

    Behind them stand rows of carries alone, `spare` of them, for whatever is to be kept.
    """

    def __init__(self, model: LanguageModel, opening: np.ndarray, count: int, spare: int = 0) -> None:
        model = nnx.merge(*nnx.split(model))  # so that the config set here is nobody else's; the weights are shared
        model.config = model.config.without_dropout()  # or another dropout, which says nothing here, would compile anew
        graph, state = nnx.split(model)
        self._weights, structure = jax.tree.flatten(state)
        self._programs = _programs(graph, structure, tuple(weight.shape for weight in self._weights))
        self._opening = jnp.asarray(opening)
        self._table = SlotTable(model.initial_carry(count + 1 + spare), jnp.zeros((count + 1, len(opening)), bool))
        self.nobody = count
        self.spare = range(count + 1, count + 1 + spare)

    def is_warm(self, width: int) -> bool:
        """Whether the programs for `width` rows of such a table are compiled, for this network or another of its shape."""
        return (self.nobody, width) in self._programs.warm

    def note_warm(self, width: int) -> None:
        """They are."""
        self._programs.warm.add((self.nobody, width))

    def read(self, asked: PrefillBatch) -> None:
        """Read READ_STEPS tokens of some rows' prompts."""
        self._table = self._programs.read(self._weights, self._table, asked)

    def keep(self, rows: np.ndarray) -> Any:
        """The carries of some rows `[B]`, as they are now."""
        return self._programs.keep(self._table.carry, rows)

    def look(self, carry: Any, read: np.ndarray, drawn: np.ndarray) -> LogprobArrays:
        """What the network thought when it had kept `carry`, read `read[B, T]` and drew `drawn[B, T]`, a token after each."""
        looks: LogprobArrays = self._programs.look(self._weights, carry, read, drawn)
        return looks

    def draw(self, asked: DecodeBatch) -> np.ndarray:
        """Draw DRAW_STEPS tokens for some rows: `[B, DRAW_STEPS]`. Token n of a reply is drawn with its key folded with n."""
        self._table, tokens = self._programs.draw(self._weights, self._opening, self._table, asked)
        return np.asarray(tokens)


# One pair for all networks of a shape: training makes a new engine for every evaluation, and a new checkpoint mostly has
# the old one's shape. `_shapes` are part of it where the graph does not tell them.
@lru_cache(maxsize=8)
def _programs(graph: nnx.GraphDef[Any], structure: Any, _shapes: tuple[Any, ...]) -> Programs:
    def made(weights: Any) -> LanguageModel:
        model: LanguageModel = nnx.merge(graph, jax.tree.unflatten(structure, weights))
        return model

    @partial(jax.jit, donate_argnums=1)
    def read(weights: Any, table: SlotTable, asked: PrefillBatch) -> SlotTable:
        return _read(made(weights), table, asked)

    @partial(jax.jit, donate_argnums=2)
    def draw(weights: Any, opening: jax.Array, table: SlotTable, asked: DecodeBatch) -> tuple[SlotTable, jax.Array]:
        return _draw(made(weights), opening, table, asked)

    @jax.jit
    def keep(carry: Any, rows: jax.Array) -> Any:
        return _taken(carry, rows)

    @jax.jit
    def thought(weights: Any, carry: Any, tokens: jax.Array, drawn: jax.Array) -> LogprobArrays:
        return logprob_arrays(made(weights)(tokens, carry)[0], drawn)

    return Programs(read, draw, keep, thought, set())


def _read(model: LanguageModel, table: SlotTable, asked: PrefillBatch) -> SlotTable:
    old, new = _taken(table.carry, asked.sources), model.initial_carry(len(asked.rows))

    def one(carry: Any, now: tuple[jax.Array, Any]) -> tuple[Any, None]:
        number, tokens = now
        _, after = model(tokens[:, None], carry)
        return _where(number >= asked.skip, after, carry), None

    carry, _ = jax.lax.scan(
        one, _where(asked.fresh, new, old), (jnp.arange(PREFILL_STEPS), jnp.asarray(asked.tokens.T))
    )
    seen = table.seen[asked.rows] & ~jnp.asarray(asked.first)[:, None]
    own = (jnp.arange(seen.shape[1]) == asked.tokens[..., None]) & asked.own[..., None]
    return SlotTable(
        carry=_put(_put(table.carry, asked.copies, carry), asked.rows, carry),
        seen=_put(table.seen, asked.rows, seen | own.any(axis=1)),
    )


def _draw(
    model: LanguageModel, opening: jax.Array, table: SlotTable, asked: DecodeBatch
) -> tuple[SlotTable, jax.Array]:
    keys = jax.vmap(jax.random.key)(asked.seeds)
    vocabulary = jnp.arange(len(opening))

    def one(state: tuple[jax.Array, SlotTable], number: jax.Array) -> tuple[tuple[jax.Array, SlotTable], jax.Array]:
        tokens, (carry, seen) = state
        logits, carry = model(tokens[:, None], carry)
        count = asked.counts + number
        logits = jnp.where(opening | (count > 0)[:, None], logits[:, 0], -jnp.inf)
        tokens = sample(logits, jax.vmap(jax.random.fold_in)(keys, count), seen, asked.settings)
        return (tokens, SlotTable(carry, seen | (vocabulary == tokens[:, None]))), tokens

    carry, seen = _taken(table, asked.rows)
    begun = (vocabulary == asked.tokens[:, None]) & (asked.counts > 0)[:, None]  # a reply's last token is seen
    state = (jnp.asarray(asked.tokens), SlotTable(carry, seen | begun))
    (_, after), tokens = jax.lax.scan(one, state, jnp.arange(DECODE_STEPS))
    return _put(table, asked.rows, after), tokens.T


def _taken(table: Any, rows: Any) -> Any:
    return jax.tree.map(lambda array: array[rows], table)


def _put(table: Any, rows: Any, parts: Any) -> Any:
    return jax.tree.map(lambda array, part: array.at[rows].set(part), table, parts)


def _where(which: Any, there: Any, elsewhere: Any) -> Any:
    """`there` in the rows that `which[B]` names, `elsewhere` in the others."""
    return jax.tree.map(lambda a, b: jnp.where(which.reshape(-1, *[1] * (a.ndim - 1)), a, b), there, elsewhere)
