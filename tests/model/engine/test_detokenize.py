"""What is shown piece by piece is the reply: whole characters, no blanks around it, never nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.detokenize import Detokenizer
from model.tokenizer import Tokenizer


def shown(parts: list[bytes], *, cut: bool = False) -> list[str]:
    text = Detokenizer()
    pieces = [text.add(part) for part in parts] + [text.end(cut=cut)]
    assert "".join(pieces) == text.text
    return pieces


@given(st.text(), st.lists(st.integers(0, 40)))
def test_any_text_cut_anywhere_comes_out_whole(text: str, cuts: list[int]) -> None:
    raw = text.encode()
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    pieces = shown([raw[a:b] for a, b in pairwise(places)])
    assert "".join(pieces) == (text.strip() or "\ufffd")


@given(st.binary(), st.booleans())
def test_any_bytes_are_a_text_that_is_not_empty(raw: bytes, cut: bool) -> None:
    whole = "".join(shown([raw[place : place + 1] for place in range(len(raw))], cut=cut))
    assert whole
    assert whole == whole.strip()
    assert cut or whole == (raw.decode("utf-8", "replace").strip() or "\ufffd")


@pytest.mark.parametrize("text", ["lol 😂😂", "🇺🇦", "👩‍👩‍👧‍👦 ё", "日本語", "zal\u0336go\u0335"])
def test_tokens_that_split_characters_never_show_half_of_one(text: str) -> None:
    tokenizer = Tokenizer.train(["hey lol"], 259)  # no merges: each token is one byte
    tokens = tokenizer.encode(text)
    assert len(tokens) == len(text.encode())
    pieces = shown([tokenizer.decode_bytes([token]) for token in tokens])
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
    assert "".join(shown([raw], cut=True)) == whole


def test_blanks_wait_for_what_follows_them() -> None:
    assert shown([b"  a", b" ", b" \n", b"b ", b"\n"]) == ["a", "", "", "  \nb", "", ""]
