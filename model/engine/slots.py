"""A table with a row for each reply, and the compiled programs over it: prefill, decode, log-probabilities. Knows no text.

A row holds a reply's carry and which tokens the reply contains. A program takes a few rows out, advances them by some steps,
and puts them back; so one program for each of a few batch sizes is enough, and rows outside the batch stay as they are. A
row's result depends on that row alone, bit for bit.

Shape suffixes: B rows of a program, R rows of the table, T steps, V tokens of the vocabulary.
"""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from model.architectures import LanguageModel
from model.engine.guidance import guided_logits, likelihood_terms, uncut
from model.engine.logprobs import LogprobArrays, logprob_arrays
from model.engine.spelling import Spelling, allowed_logits, likely_in_words, without_refused
from model.engine.table_rows import as_bits, gather_rows, scatter_rows, where_rows
from model.sampling import SamplingArrays, sample

PREFILL_STEPS = 16
DECODE_STEPS = 8
"""Steps of one program: requests come and go between two programs."""


class SlotTable(NamedTuple):
    """The state of all replies: the network's carry, `[R, ...]`, and the tokens that each reply contains.

    Arrays of bfloat16 are held as their bits.
    """

    carry: Any
    seen_RxV: jax.Array


class PrefillBatch(NamedTuple):
    """Chunks of prompts to read into `rows_B`: the last T - `skip_B` of each row of `tokens_BxT`.

    Each goes on from the carry of the row `sources_B`, or from an empty one where `fresh_B` (the prompt begins here). The
    carry after it is also put into the row `copies_B`. `first_B` marks a request's first chunk, `is_reply_BxT` tokens of the
    reply itself, where the request came with the beginning of one.
    """

    rows_B: np.ndarray
    sources_B: np.ndarray
    copies_B: np.ndarray
    tokens_BxT: np.ndarray
    skip_B: np.ndarray
    fresh_B: np.ndarray
    first_B: np.ndarray
    is_reply_BxT: np.ndarray


class DecodeBatch(NamedTuple):
    """Replies to go on with: rows, last tokens, seeds, how many tokens each has, where in a character it is, parameters.

    `refused_BxV` are tokens that must not come next.
    """

    rows_B: np.ndarray
    tokens_B: np.ndarray
    seeds_B: np.ndarray
    counts_B: np.ndarray
    states_B: np.ndarray
    refused_BxV: np.ndarray
    params: SamplingArrays


class PairBatch(NamedTuple):
    """Replies with a second row each, which reads the same reply after an empty conversation.

    The second row is `unconditional_rows_B`, its carry so far in the row `sources_B`. `guidance_B` is SamplingParams'
    guidance; where `scored_B`, likelihoods of the tokens are wanted.
    """

    replies: DecodeBatch
    unconditional_rows_B: np.ndarray
    sources_B: np.ndarray
    guidance_B: np.ndarray
    scored_B: np.ndarray


DecodeCarry = tuple[jax.Array, jax.Array, SlotTable]
"""Last tokens `[B]`, where each reply is in a character `[B]`, and the rows."""


class Programs(NamedTuple):
    """The compiled programs of all networks of one shape; `warm` are the batch sizes B they are compiled for.

    `warm_pairs` are those of `decode_pairs`, which nobody needs who uses neither guidance nor candidates.
    """

    prefill: Any
    decode: Any
    decode_pairs: Any
    gather_carries: Any
    logprobs: Any
    warm: set[int]
    warm_pairs: set[int]


class Slots:
    """A network's weights, a table of `count` rows for it, and the programs.

    Row `padding_row` belongs to no reply: programs with more rows than requests work on it. The rows `prefix_rows` behind
    it, `num_prefixes` of them, hold carries alone: of prompts that may come again, and of replies after an empty
    conversation. Replies are drawn from logits to which `bias_V` is added. `warm` and `warm_pairs` are the batch sizes that
    are compiled, for this network or another of its shape.
    """

    def __init__(
        self,
        model: LanguageModel,
        spelling: Spelling,
        count: int,
        num_prefixes: int = 0,
        bias_V: np.ndarray | None = None,
    ) -> None:
        model = nnx.merge(*nnx.split(model))  # a copy, so that its config can be set; the weights are shared
        model.config = model.config.without_dropout()  # decoding drops nothing: no rate has programs of its own
        graph, state = nnx.split(model)
        self._weights, structure = jax.tree.flatten(state)
        self._programs = _programs(graph, structure, tuple(weight.shape for weight in self._weights), count)
        self.warm: set[int] = self._programs.warm
        self.warm_pairs: set[int] = self._programs.warm_pairs
        self._spelling = Spelling(*map(jnp.asarray, spelling))
        bias_V = np.zeros(len(spelling.opening_V)) if bias_V is None else bias_V
        self._bias_V = jnp.asarray(bias_V, jnp.float32)
        carry = jax.tree.map(as_bits, model.initial_carry(count + 1 + num_prefixes))
        self._table = SlotTable(carry, jnp.zeros((count + 1, len(spelling.opening_V)), bool))
        self.padding_row = count
        self.prefix_rows = range(count + 1, count + 1 + num_prefixes)

    def padding_batch(self, width: int) -> PrefillBatch:
        """A prefill of `width` rows that reads nothing, to be filled in."""
        return PrefillBatch(
            rows_B=np.full(width, self.padding_row, np.int32),
            sources_B=np.full(width, self.padding_row, np.int32),
            copies_B=np.full(width, self.padding_row, np.int32),
            tokens_BxT=np.zeros((width, PREFILL_STEPS), np.int32),
            skip_B=np.full(width, PREFILL_STEPS, np.int32),
            fresh_B=np.ones(width, bool),
            first_B=np.zeros(width, bool),
            is_reply_BxT=np.zeros((width, PREFILL_STEPS), bool),
        )

    def prefill(self, batch: PrefillBatch) -> None:
        """Read PREFILL_STEPS tokens of some rows' prompts."""
        self._table = self._programs.prefill(self._weights, self._table, batch)

    def decode(self, batch: DecodeBatch) -> np.ndarray:
        """Generate DECODE_STEPS tokens for some rows, `[B, DECODE_STEPS]`; token n of a reply uses its key folded with n."""
        self._table, tokens_BxT = self._programs.decode(self._weights, self._spelling, self._bias_V, self._table, batch)
        return np.asarray(tokens_BxT)

    def decode_pairs(self, batch: PairBatch) -> tuple[np.ndarray, np.ndarray]:
        """`decode` for replies with a second row; also each token's likelihood terms `[B, DECODE_STEPS, 2, 3]`.

        Those (guidance.py) are of the network after the conversation, then after none; zeros where nobody wants them.
        """
        self._table, tokens_BxT, terms_BxTx2x3 = self._programs.decode_pairs(
            self._weights, self._spelling, self._bias_V, self._table, batch
        )
        return np.asarray(tokens_BxT), np.asarray(terms_BxTx2x3)

    def gather_carries(self, rows_B: np.ndarray) -> Any:
        """The present carries of some rows."""
        return self._programs.gather_carries(self._table.carry, rows_B)

    def logprobs(self, carry: Any, tokens_BxT: np.ndarray, generated_BxT: np.ndarray) -> LogprobArrays:
        """Log-probabilities of `generated_BxT`, each token after the one of `tokens_BxT` that was read from `carry` on."""
        arrays: LogprobArrays = self._programs.logprobs(self._weights, carry, tokens_BxT, generated_BxT)
        return arrays


# One set of programs for all networks of a shape: training makes a new engine for every evaluation, and a new checkpoint
# mostly has the old one's shape. `_shapes` and the table's `_rows` are part of the key, as the graph does not hold them.
@lru_cache(maxsize=8)
def _programs(graph: nnx.GraphDef[Any], structure: Any, _shapes: tuple[Any, ...], _rows: int) -> Programs:
    def merge(weights: Any) -> LanguageModel:
        model: LanguageModel = nnx.merge(graph, jax.tree.unflatten(structure, weights))
        return model

    @partial(jax.jit, donate_argnums=1)
    def prefill(weights: Any, table: SlotTable, batch: PrefillBatch) -> SlotTable:
        return _prefill(merge(weights), table, batch)

    @partial(jax.jit, donate_argnums=3)
    def decode(
        weights: Any, spelling: Spelling, bias_V: jax.Array, table: SlotTable, batch: DecodeBatch
    ) -> tuple[SlotTable, jax.Array]:
        return _decode(merge(weights), spelling, bias_V, table, batch)

    @partial(jax.jit, donate_argnums=3)
    def decode_pairs(
        weights: Any, spelling: Spelling, bias_V: jax.Array, table: SlotTable, batch: PairBatch
    ) -> tuple[SlotTable, jax.Array, jax.Array]:
        return _decode_pairs(merge(weights), spelling, bias_V, table, batch)

    @jax.jit
    def logprobs(weights: Any, carry: Any, tokens_BxT: jax.Array, generated_BxT: jax.Array) -> LogprobArrays:
        logits_BxTxV, _ = merge(weights)(tokens_BxT, carry)
        return logprob_arrays(logits_BxTxV, generated_BxT)

    return Programs(prefill, decode, decode_pairs, jax.jit(gather_rows), logprobs, set(), set())


def _prefill(model: LanguageModel, table: SlotTable, batch: PrefillBatch) -> SlotTable:
    source, empty = gather_rows(table.carry, batch.sources_B), model.initial_carry(len(batch.rows_B))

    def step(carry: Any, step_input: tuple[jax.Array, Any]) -> tuple[Any, None]:
        number, tokens_B = step_input
        _, new_carry = model(tokens_B[:, None], carry)
        return where_rows(number >= batch.skip_B, new_carry, carry), None

    start = where_rows(batch.fresh_B, empty, source)
    carry, _ = jax.lax.scan(step, start, (jnp.arange(PREFILL_STEPS), jnp.asarray(batch.tokens_BxT.T)))
    seen_BxV = table.seen_RxV[batch.rows_B] & ~jnp.asarray(batch.first_B)[:, None]
    is_token_BxTxV = jnp.arange(seen_BxV.shape[1]) == batch.tokens_BxT[..., None]
    reply_BxTxV = is_token_BxTxV & batch.is_reply_BxT[..., None]
    return SlotTable(
        carry=scatter_rows(scatter_rows(table.carry, batch.copies_B, carry), batch.rows_B, carry),
        seen_RxV=scatter_rows(table.seen_RxV, batch.rows_B, seen_BxV | reply_BxTxV.any(axis=1)),
    )


def _decode(
    model: LanguageModel, spelling: Spelling, bias_V: jax.Array, table: SlotTable, batch: DecodeBatch
) -> tuple[SlotTable, jax.Array]:
    keys_B = jax.vmap(jax.random.key)(batch.seeds_B)
    ids_V, some_refused = jnp.arange(len(spelling.opening_V)), jnp.asarray(batch.refused_BxV).any()

    def step(state: DecodeCarry, number: jax.Array) -> tuple[DecodeCarry, jax.Array]:
        tokens_B, states_B, (carry, seen_BxV) = state
        logits_BxTxV, carry = model(tokens_B[:, None], carry)
        counts_B = batch.counts_B + number
        network_BxV = without_refused(logits_BxTxV[:, 0] + bias_V, batch.refused_BxV, some_refused & (number == 0))
        logits_BxV = allowed_logits(spelling, network_BxV, states_B, counts_B)
        logits_BxV = likely_in_words(spelling, logits_BxV, network_BxV, tokens_B, batch.params.word_min_p)
        tokens_B = sample(logits_BxV, jax.vmap(jax.random.fold_in)(keys_B, counts_B), seen_BxV, batch.params)
        rows = SlotTable(carry, seen_BxV | (ids_V == tokens_B[:, None]))
        return (tokens_B, spelling.next_SxV[states_B, tokens_B], rows), tokens_B

    carry, seen_BxV = gather_rows(table, batch.rows_B)
    last_BxV = (ids_V == batch.tokens_B[:, None]) & (batch.counts_B > 0)[:, None]  # a reply's last token is seen
    rows = SlotTable(carry, seen_BxV | last_BxV)
    state = (jnp.asarray(batch.tokens_B), jnp.asarray(batch.states_B), rows)
    (_, _, rows), tokens_TxB = jax.lax.scan(step, state, jnp.arange(DECODE_STEPS))
    return scatter_rows(table, batch.rows_B, rows), tokens_TxB.T


def _decode_pairs(
    model: LanguageModel, spelling: Spelling, bias_V: jax.Array, table: SlotTable, batch: PairBatch
) -> tuple[SlotTable, jax.Array, jax.Array]:
    """`_decode` with logits of two rows for each reply: one read its conversation, the other an empty one."""
    replies, count = batch.replies, len(batch.sources_B)
    keys_B = jax.vmap(jax.random.key)(replies.seeds_B)
    ids_V = jnp.arange(len(spelling.opening_V))
    is_scored, some_refused = jnp.asarray(batch.scored_B).any(), jnp.asarray(replies.refused_BxV).any()

    def step(state: DecodeCarry, number: jax.Array) -> tuple[DecodeCarry, Any]:
        tokens_B, states_B, (carry, seen_BxV) = state
        logits, carry = model(jnp.concatenate([tokens_B, tokens_B])[:, None], carry)
        logits_2xBxV = logits.reshape(2, count, -1) + bias_V  # after the conversation, then after none
        counts_B = replies.counts_B + number
        own_BxV = without_refused(logits_2xBxV[0], replies.refused_BxV, some_refused & (number == 0))
        own_BxV = allowed_logits(spelling, own_BxV, states_B, counts_B)
        guided_BxV = uncut(guided_logits(logits_2xBxV, jnp.asarray(batch.guidance_B)), own_BxV, replies.params.min_p)
        guided_BxV = likely_in_words(spelling, guided_BxV, own_BxV, tokens_B, replies.params.word_min_p)
        tokens_B = sample(guided_BxV, jax.vmap(jax.random.fold_in)(keys_B, counts_B), seen_BxV, replies.params)
        terms_2xBx3 = jax.lax.cond(
            is_scored,
            lambda: jnp.stack([likelihood_terms(logits_BxV, tokens_B) for logits_BxV in logits_2xBxV]),
            lambda: jnp.zeros((2, count, 3)),
        )
        rows = SlotTable(carry, seen_BxV | (ids_V == tokens_B[:, None]))
        return (tokens_B, spelling.next_SxV[states_B, tokens_B], rows), (tokens_B, terms_2xBx3)

    carry = gather_rows(table.carry, jnp.concatenate([replies.rows_B, batch.sources_B]))
    last_BxV = (ids_V == replies.tokens_B[:, None]) & (replies.counts_B > 0)[:, None]
    rows = SlotTable(carry, table.seen_RxV[replies.rows_B] | last_BxV)
    state = (jnp.asarray(replies.tokens_B), jnp.asarray(replies.states_B), rows)
    (_, _, (carry, seen_BxV)), (tokens_TxB, terms_Tx2xBx3) = jax.lax.scan(step, state, jnp.arange(DECODE_STEPS))
    table = SlotTable(
        carry=scatter_rows(table.carry, jnp.concatenate([replies.rows_B, batch.unconditional_rows_B]), carry),
        seen_RxV=scatter_rows(table.seen_RxV, replies.rows_B, seen_BxV),
    )
    return table, tokens_TxB.T, terms_Tx2xBx3.transpose(2, 0, 1, 3)
