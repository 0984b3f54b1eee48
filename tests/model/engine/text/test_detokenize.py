"""The pieces join to the reply: whole characters, no white space around it, never empty."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.text.detokenize import Detokenizer
from model.tokenizer import Tokenizer


def pieces_of(parts: list[bytes], *, cut: bool = False) -> list[str]:
    text = Detokenizer()
    pieces = [text.add(part) for part in parts] + [text.end(cut=cut)]
    assert "".join(pieces) == text.text
    return pieces


@given(st.text(), st.lists(st.integers(0, 40)))
def test_any_text_cut_anywhere_comes_out_whole(text: str, cuts: list[int]) -> None:
    raw = text.encode()
    bounds = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    pieces = pieces_of([raw[a:b] for a, b in pairwise(bounds)])
    assert "".join(pieces) == (text.strip() or "\ufffd")


@given(st.binary(), st.booleans())
def test_any_bytes_are_a_text_that_is_not_empty(raw: bytes, cut: bool) -> None:
    whole = "".join(pieces_of([raw[i : i + 1] for i in range(len(raw))], cut=cut))
    assert whole
    assert whole == whole.strip()
    assert cut or whole == (raw.decode("utf-8", "replace").strip() or "\ufffd")


@pytest.mark.parametrize("text", ["lol 😂😂", "🇺🇦", "👩‍👩‍👧‍👦 ё", "日本語", "zal\u0336go\u0335"])
def test_tokens_that_split_characters_never_show_half_of_one(text: str) -> None:
    tokenizer = Tokenizer.train(["hey lol"], 259)  # no merges: each token is one byte
    tokens = tokenizer.encode(text)
    assert len(tokens) == len(text.encode())
    pieces = pieces_of([tokenizer.decode_bytes([token]) for token in tokens])
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)
    assert sum(map(bool, pieces)) == sum(not character.isspace() for character in text)


@pytest.mark.parametrize(
    ("raw", "whole"),
    [(b"ok", "ok"), ("ok😂".encode()[:-1], "ok"), ("ok😂".encode()[:-3], "ok"),
     ("ok😂".encode(), "ok😂"), ("ё".encode()[:1], "\ufffd"), (b" ", "\ufffd"), (b"", "\ufffd")],
    ids=repr,
)  # fmt: skip
def test_a_cut_character_is_dropped_unless_it_is_all_there_is(raw: bytes, whole: str) -> None:
    assert "".join(pieces_of([raw], cut=True)) == whole


def test_white_space_waits_for_what_follows_it() -> None:
    assert pieces_of([b"  a", b" ", b" \n", b"b ", b"\n"]) == ["a", "", "", "  \nb", "", ""]
