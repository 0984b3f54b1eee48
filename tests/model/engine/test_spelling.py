"""Whole UTF-8 characters: which tokens may come next, held against Python's own decoder, and in the engine."""

import itertools
import random

import jax.numpy as jnp
import numpy as np
import pytest

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.engine.request import ReplyRequest
from model.engine.spelling import (
    REFUSED,
    WHOLE,
    Spelling,
    allowed_logits,
    likely_in_words,
    spelling_of,
    states_after,
)
from model.tokenizer import NUM_SPECIAL, Tokenizer
from tests.model.small_networks import snapshot

BYTES = [b""] * NUM_SPECIAL + [bytes([value]) for value in range(256)]


def is_beginning(raw: bytes) -> bool:
    """Whether some text's UTF-8 begins so, by trying what could follow."""
    for more in range(4):
        for tail in itertools.product((0x80, 0x90, 0xA0, 0xBF), repeat=more):
            try:
                (raw + bytes(tail)).decode()
            except UnicodeDecodeError:
                continue
            return True
    return False


def test_bytes_may_follow_exactly_where_python_could_go_on_decoding() -> None:
    spelling = spelling_of(BYTES)
    found = {b"": WHOLE}
    for _ in range(4):
        begun, found = found, {}
        for raw, state in begun.items():
            for value in (*range(0x00, 0x100, 0x10), 0x7F, 0x8F, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xED, 0xF4, 0xF5, 0xFF):
                following = int(spelling.next_SxV[state, NUM_SPECIAL + value])
                longer = raw + bytes([value])
                assert (following != REFUSED) == is_beginning(longer), longer
                if following not in {REFUSED, WHOLE}:
                    found[longer] = following
    assert not found  # no character has more than four bytes


def test_tokens_of_several_bytes_are_read_byte_by_byte_and_special_ones_come_between_characters() -> None:
    tokens = [b"", b"", b"", b"a\xc3", b"\xa9b", b"\xe2\x82", b"\xac", b" ", b"\xff", b"ok", b"\x82\xac"]
    spelling = spelling_of(tokens)
    after_whole = [WHOLE, WHOLE, WHOLE, 1, REFUSED, 1, REFUSED, WHOLE, REFUSED, WHOLE, REFUSED]
    assert spelling.next_SxV[WHOLE].tolist() == after_whole
    assert [token for token in range(len(tokens)) if spelling.next_SxV[1, token] >= 0] == [4, 6]
    assert spelling.next_SxV[2].tolist()[10] == WHOLE
    assert spelling.opening_V.tolist() == [False] * 3 + [True] * 4 + [False] + [True] * 3
    assert states_after(spelling, np.array([WHOLE, WHOLE]), np.array([[3, 4], [4, 5]])).tolist() == [WHOLE, 1]


def test_what_cannot_come_next_has_no_chance_and_a_reply_begins_with_something_visible() -> None:
    spelling = Spelling(*map(jnp.asarray, spelling_of([b"", b"", b"", b"a", b" ", b"\xc3", b"\xa9"])))
    allowed = allowed_logits(spelling, jnp.zeros((3, 7)), jnp.array([0, 0, 1], jnp.int8), jnp.array([0, 5, 5]))
    rows = [[token for token in range(7) if allowed[row, token] == 0] for row in range(3)]
    assert rows == [[3, 5], [0, 1, 2, 3, 4, 5], [6]]


@pytest.fixture(scope="module")
def of_bytes() -> Snapshot:
    """A network with random weights over single bytes: most of what it would write is no text."""
    return snapshot(tokenizer=Tokenizer.train(["é"], 259))


def test_a_reply_is_text_and_a_given_beginning_within_a_character_is_finished(of_bytes: Snapshot) -> None:
    engine = Engine(of_bytes)
    params = SamplingParams(min_p=0.0, max_tokens=40)
    replies = engine.replies([([Turn(mine=False, text="hi")], params, seed) for seed in range(30)])
    written = "".join(reply.text for reply in replies)
    assert "\N{REPLACEMENT CHARACTER}" not in written
    assert len(set(written) - set(map(chr, range(128)))) > 20  # characters of several bytes, and many of them
    rng = random.Random(0)
    euro = of_bytes.tokenizer.encode("€")
    for count in (1, 2):
        request = ReplyRequest([], params, rng.randrange(1000), reply_prefix=euro[:count])
        engine._run([request])
        raw = of_bytes.tokenizer.decode_bytes([*euro[:count], *request.generated])
        assert request.completion
        assert "\N{REPLACEMENT CHARACTER}" not in raw.decode(
            "utf-8", "ignore" if len(request.generated) == 40 else "strict"
        )


def test_which_tokens_go_on_with_a_word() -> None:
    tokens = ["", "", "", "un", " un", "like", "ly.", "'t", "7", "ß", "и", "日", "ก", "é!"]
    spelling = spelling_of([token.encode() for token in tokens])
    going_on = [token for token, is_so in zip(tokens, spelling.goes_on_V, strict=True) if is_so]
    unfinished = [token for token, is_so in zip(tokens, spelling.ends_in_word_V, strict=True) if is_so]
    assert going_on == [
        "un",
        "like",
        "ly.",
        "ß",
        "и",
        "é!",
    ]  # words of 日 and ก stand without spaces: nothing tells where one ends
    assert unfinished == ["un", " un", "like", "'t", "ß", "и"]
    assert not spelling_of(BYTES).goes_on_V.any()  # of single characters, hardly anything else could come


def test_a_word_goes_on_by_likely_parts_and_everything_else_stays() -> None:
    tokens = ["", "", "", "a", "b", "c", " d", "."]
    spelling = Spelling(*map(jnp.asarray, spelling_of([token.encode() * 2 for token in tokens])))
    logits = jnp.log(jnp.array([[0.01, 0.01, 0.01, 0.2, 0.03, 0.01, 0.001, 0.7]] * 3))
    after = jnp.array([tokens.index("b"), tokens.index("b"), tokens.index(" d") + 1])
    kept = np.isfinite(
        likely_in_words(spelling, jnp.zeros_like(logits), logits, after, np.array([0.1, 0.0, 0.1], np.float32))
    )
    lost = [[tokens[token] for token in np.flatnonzero(~row)] for row in kept]
    assert lost == [["c"], [], []]  # less than a tenth of "a"; not where it is off; not after a full stop
