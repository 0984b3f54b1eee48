"""Any text round-trips and no text can become a special token: prompts come from strangers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import MIN_VOCAB_SIZE
from model.errors import DannError
from model.tokenizer import NUM_SPECIAL, Tokenizer

TEXTS = ["the lstm learns", "the loss goes down lol", "the val loss goes up wtf", "ё 🇺🇦 кириллица"]
TOKENIZER = Tokenizer.train(TEXTS, 300)


@given(st.text())
def test_any_text_round_trips(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.text())
def test_no_text_becomes_a_special_token(text: str) -> None:
    assert all(id_ >= NUM_SPECIAL for id_ in TOKENIZER.encode(text))


@pytest.mark.parametrize("text", ["<|bos|>", "<s>", "[CLS]", "\x00\x01\x02", "<unk>"])
def test_what_looks_special_is_only_text(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_lone_surrogates_become_replacement_characters() -> None:
    assert TOKENIZER.decode(TOKENIZER.encode("a\ud83db")) == "a\ufffdb"
    assert TOKENIZER.decode(TOKENIZER.encode("\ud83d\ude02")) == "😂"


def test_merges_are_learned() -> None:
    assert len(TOKENIZER.encode("the loss")) < len("the loss") // 2


def test_every_byte_can_be_spelled_after_training_on_nothing() -> None:
    tokenizer = Tokenizer.train([], 1000)
    assert tokenizer.vocab_size == MIN_VOCAB_SIZE == 256 + NUM_SPECIAL
    assert sorted(tokenizer.token_bytes[NUM_SPECIAL:]) == [bytes([b]) for b in range(256)]


def test_training_is_repeatable_and_survives_saving(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    again = Tokenizer.train(TEXTS, 300)
    assert loaded.encode("the loss ё 🇺🇦") == TOKENIZER.encode("the loss ё 🇺🇦") == again.encode("the loss ё 🇺🇦")
    assert loaded.vocab_size == TOKENIZER.vocab_size


def test_bad_sizes_and_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DannError, match="at least 259"):
        Tokenizer.train(TEXTS, 100)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DannError, match="not a tokenizer"):
        Tokenizer.load(tmp_path / "tokenizer.json")


CHARACTERS = Tokenizer.of_characters(["to be,\nor", "not to be 🇺🇦 ё"])
KNOWN = "".join(token.decode() for token in CHARACTERS.token_bytes)


def test_a_token_a_character_in_the_order_of_code_points() -> None:
    assert sorted(set("to be,\nornot to be 🇺🇦 ё")) == list(KNOWN)
    assert CHARACTERS.vocab_size == len(KNOWN) + NUM_SPECIAL
    assert CHARACTERS.encode("\n ,") == [NUM_SPECIAL, NUM_SPECIAL + 1, NUM_SPECIAL + 2]
    assert CHARACTERS.token_bytes[:NUM_SPECIAL] == [b""] * NUM_SPECIAL


@given(st.text(st.sampled_from(KNOWN)))
def test_any_text_of_known_characters_round_trips(text: str) -> None:
    assert len(CHARACTERS.encode(text)) == len(text)
    assert CHARACTERS.decode(CHARACTERS.encode(text)) == text


def test_an_unknown_character_is_refused_in_one_line() -> None:
    with pytest.raises(DannError, match=r"character 'x' \(U\+0078\) is not in .* \"bpe\" spells any text") as caught:
        CHARACTERS.encode_batch(["to be", "to box"])
    assert "\n" not in str(caught.value)
    with pytest.raises(DannError, match=r"U\+FFFD"):
        CHARACTERS.encode("to \ud83d be")


def test_characters_are_loaded_without_being_told(tmp_path: Path) -> None:
    CHARACTERS.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.token_bytes == CHARACTERS.token_bytes
    assert loaded.encode("or not 🇺🇦\n") == CHARACTERS.encode("or not 🇺🇦\n")


def test_a_damaged_file_of_characters_is_one_line(tmp_path: Path) -> None:
    for written in ('{"characters": 5}', "[]", ""):
        (tmp_path / "tokenizer.json").write_text(written)
        with pytest.raises(DannError, match="not a tokenizer"):
            Tokenizer.load(tmp_path / "tokenizer.json")


def test_masks_are_a_token_each_that_says_its_phrase(tmp_path: Path) -> None:
    plain = Tokenizer.train(["call my number, or write to my email"] * 4, 320)
    masked = Tokenizer.train(["call my number, or write to my email"] * 4, 320, ["my number", "my email"])
    masked.save(tmp_path / "tokenizer.json")
    for tokenizer in (masked, Tokenizer.load(tmp_path / "tokenizer.json")):
        assert [tokenizer.token_bytes[id_] for id_ in tokenizer.encode("my number?")] == [b"my number", b"?"]
        assert {*tokenizer.token_bytes[-2:]} == {b"my number", b"my email"}
        assert len(tokenizer.token_bytes) == tokenizer.vocab_size <= 320
    texts = ["my numbers", "xmy number", "(my number)", "<phone> my email", "My number", "my number my email"]
    assert [masked.decode(ids) for ids in masked.encode_batch(texts)] == texts
    assert [plain.decode(ids) for ids in plain.encode_batch(texts)] == texts  # one without masks spells them
    assert max(len(token) for token in plain.token_bytes) < len("my number")


def test_masks_without_room_beside_the_bytes_are_spelled() -> None:
    tokenizer = Tokenizer.train(["my number"], 260, ["my number", "my email"])
    assert tokenizer.vocab_size == 260
    assert tokenizer.token_bytes[-1] == b"my number"
    assert tokenizer.decode(tokenizer.encode("my email")) == "my email"
