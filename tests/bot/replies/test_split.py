"""Cutting to a platform's limit: at a sentence, else at a word, never inside what a reader takes for one character."""

from itertools import groupby

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from bot.replies.split import Measure, characters, split, utf16_units

FAMILY = "👨‍👩‍👧‍👦"
ZALGO = "z" + "\u0301\u0302\u0303" * 4
PARTS = st.sampled_from(
    [
        "word",
        " ",
        "\n",
        ". ",
        "! ",
        "…",
        "\r\n",
        FAMILY,
        "🇺🇦",
        "🇺",
        "👍🏽",
        ZALGO,
        "é",
        " \u0301",
        "\u200d",
        "\u202e",
        "日本。",
    ]
)
TEXTS = st.lists(st.one_of(PARTS, st.text(max_size=3)), max_size=60).map("".join)
MEASURES = st.sampled_from([characters, utf16_units])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \n ", []),
        ("short", ["short"]),
        ("  spaced \n", ["spaced"]),
        ("exactly ten", ["exactly", "ten"]),
        ("one. two. three", ["one. two.", "three"]),
        ("one two three", ["one two", "three"]),
        ("one\ntwo three", ["one\ntwo", "three"]),
        ("word a\nb c d e", ["word a", "b c d e"]),
        ("abcdefghijklmno", ["abcdefghij", "klmno"]),
        ("a. bcdef ghijkl", ["a. bcdef", "ghijkl"]),
        ("what?! no way", ["what?!", "no way"]),
        ("3.14159 is it", ["3.14159 is", "it"]),
    ],
)
def test_it_cuts_at_a_sentence_then_a_word(text: str, pieces: list[str]) -> None:
    assert split(text, 10, characters) == pieces


def test_a_character_is_never_cut_through() -> None:
    for one in (FAMILY, "🇺🇦", "👍🏽", ZALGO, "e\u0301"):
        for measure in (characters, utf16_units):
            pieces = split(one * 40, measure(one) * 3 + 1, measure)
            assert pieces == [one * 3] * 13 + [one]


def test_two_thousand_emoji_at_both_platforms_limits() -> None:
    assert split("😂" * 2000, 2000, characters) == ["😂" * 2000]
    assert split("😂" * 2049, 4096, utf16_units) == ["😂" * 2048, "😂"]
    assert utf16_units("a😂\ud83d") == 4


@given(TEXTS, st.integers(2, 40), MEASURES)
def test_the_pieces_fit_and_are_the_text(text: str, limit: int, measure: Measure) -> None:
    pieces = split(text, limit, measure)
    assert all(0 < measure(piece) <= limit for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@given(TEXTS, st.integers(2, 40), MEASURES)
def test_every_cut_is_between_graphemes(text: str, limit: int, measure: Measure) -> None:
    wholes = regex.findall(r"\X", text)
    pieces = split(text, limit, measure)
    if all(measure(whole) <= limit for whole in wholes):
        left = [whole for whole in wholes if not whole.isspace()]
        cut = [whole for piece in pieces for whole in regex.findall(r"\X", piece) if not whole.isspace()]
        assert cut == left


def words_of(text: str) -> list[str]:
    """What stands between white space; a space with an accent or a joiner on it is none, but a part of a word."""
    runs = groupby(regex.findall(r"\X", text), str.isspace)
    return ["".join(run) for is_space, run in runs if not is_space]


@given(TEXTS, st.integers(2, 40))
@example(" \u200dword", 5)
@example("a \u0301word", 5)
def test_words_stay_whole_where_they_fit(text: str, limit: int) -> None:
    words = words_of(text)
    if all(len(word) <= limit for word in words):
        assert [word for piece in split(text, limit, characters) for word in words_of(piece)] == words
