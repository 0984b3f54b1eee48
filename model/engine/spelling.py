"""Which tokens may come next in a reply, so that it is spelled by whole characters and in words. Knows no network.

A token of byte-level BPE may be part of a character, and what follows must be the rest of it. The states are those of an
automaton that reads well-formed UTF-8 byte by byte (Unicode 16, table 3-7), here taken a token at a time.

Shape suffixes: S states, V tokens of the vocabulary, B rows.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from model.sampling import min_p
from model.words import is_of_a_word

WHOLE = 0
"""The state between two characters, in which a reply may end."""
REFUSED = -1
_CONTINUATION = (0x80, 0xBF)
_TRANSITIONS: Sequence[dict[tuple[int, int], int]] = (
    {
        (0x00, 0x7F): WHOLE, (0xC2, 0xDF): 1, (0xE0, 0xE0): 4, (0xE1, 0xEC): 2, (0xED, 0xED): 5, (0xEE, 0xEF): 2,
        (0xF0, 0xF0): 6, (0xF1, 0xF3): 3, (0xF4, 0xF4): 7,
    },
    {_CONTINUATION: WHOLE},
    {_CONTINUATION: 1},
    {_CONTINUATION: 2},
    {(0xA0, 0xBF): 1},  # after E0: shorter forms are not well-formed
    {(0x80, 0x9F): 1},  # after ED: no surrogates
    {(0x90, 0xBF): 2},  # after F0: shorter forms
    {(0x80, 0x8F): 2},  # after F4: nothing above U+10FFFF
)  # fmt: skip
"""Of each state: ranges of bytes, and the state after one of them. 1, 2 and 3 wait for so many bytes of any kind."""


class Spelling(NamedTuple):
    """What of a tokenizer's tokens matters to how a reply is spelled.

    `opening_V`: tokens of visible text, with which a reply may begin; `next_SxV`: the state after each, or REFUSED;
    `goes_on_V`: tokens that go on with a word, where one before them `ends_in_word_V`.
    """

    opening_V: Any
    next_SxV: Any
    goes_on_V: Any
    ends_in_word_V: Any


def spelling_of(token_bytes: Sequence[bytes]) -> Spelling:
    """The spelling of a tokenizer's tokens. Special ones, without bytes, come between characters alone."""
    longest = max(map(len, token_bytes))
    padded = np.array([list(token.ljust(longest, b"\0")) for token in token_bytes], np.uint8).reshape(-1, longest)
    length_V = np.array([len(token) for token in token_bytes])
    after = _byte_table()
    next_SxV = np.repeat(np.arange(len(_TRANSITIONS), dtype=np.int8)[:, None], len(token_bytes), axis=1)
    for place in range(longest):
        read_SxV = np.where(next_SxV >= 0, after[next_SxV, padded[:, place]], REFUSED)
        next_SxV = np.where(place < length_V, read_SxV, next_SxV)
    next_SxV[1:, length_V == 0] = REFUSED
    texts = [token.decode("utf-8", "replace") for token in token_bytes]
    opening_V = np.array([bool(text.strip()) for text in texts])
    goes_on_V, ends_in_word_V = (
        np.array([is_of_a_word(text[end]) for text in texts]) for end in (slice(1), slice(-1, None))
    )
    if max(map(len, texts)) == 1:  # of single characters nearly every token goes on with a word: that is no spelling
        goes_on_V = np.zeros_like(goes_on_V)
    return Spelling(opening_V, next_SxV, goes_on_V, ends_in_word_V)


def _byte_table() -> np.ndarray:
    """The state after each byte, `[S, 256]`."""
    table = np.full((len(_TRANSITIONS), 256), REFUSED, np.int8)
    for state, ranges in enumerate(_TRANSITIONS):
        for (first, last), following in ranges.items():
            table[state, first : last + 1] = following
    return table


def states_after(spelling: Spelling, states_B: np.ndarray, tokens_BxT: np.ndarray) -> np.ndarray:
    """The states after further tokens. What was given and is not well-formed is left alone."""
    for tokens_B in tokens_BxT.T:
        states_B = np.maximum(WHOLE, spelling.next_SxV[states_B, tokens_B])
    return states_B


def allowed_logits(spelling: Spelling, logits_BxV: jax.Array, states_B: jax.Array, counts_B: Any) -> jax.Array:
    """Logits of the tokens that may come next, the others' -inf; a reply without tokens (`counts_B`) needs an opening one."""
    may_BxV = (spelling.next_SxV[states_B] >= 0) & (spelling.opening_V | (counts_B > 0)[:, None])
    return jnp.where(may_BxV, logits_BxV, -jnp.inf)


def without_refused(logits_BxV: jax.Array, refused_BxV: Any, some: jax.Array) -> jax.Array:
    """Logits without the tokens that were refused at this step, where a reply was taken back; nothing but for `some`."""
    without = partial(jnp.where, jnp.asarray(refused_BxV), -jnp.inf, logits_BxV)
    return jnp.asarray(jax.lax.cond(some, without, lambda: logits_BxV))


def likely_in_words(
    spelling: Spelling, logits_BxV: jax.Array, network_BxV: jax.Array, tokens_B: jax.Array, p_B: Any
) -> jax.Array:
    """Logits without unlikely ways to go on with a word that `tokens_B` leave unfinished.

    Of the tokens that would, those stay that are at least `p_B` times as likely as the likeliest of them, by the logits that
    the network gave (`network_BxV`: guidance chooses words, it does not spell). Words are made up where one goes on by a
    token of little probability. Which word begins, and whether one ends, is not touched.
    """
    goes_on_BxV = spelling.ends_in_word_V[tokens_B][:, None] & spelling.goes_on_V
    likely_BxV = jnp.isfinite(min_p(jnp.where(goes_on_BxV, network_BxV, -jnp.inf), p_B))
    return jnp.where(goes_on_BxV & ~likely_BxV, -jnp.inf, logits_BxV)
