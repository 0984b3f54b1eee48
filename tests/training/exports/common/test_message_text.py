"""Cleaning messages, and the reasons to drop them."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.exports.common.message_text import clean, reason_to_drop

ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\ud83d\ude02\0\r\n\u200b\ufeff \u3000"))


@given(ANY_TEXT)
@example("\ud83d\0\ude02")
@example("\r\0\n")
@example("\ude02\ud83d")
def test_clean_text_is_always_writable_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned
    assert "\0" not in cleaned
    assert "\r" not in cleaned
    assert cleaned == cleaned.strip()


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp"))))
def test_ordinary_text_is_untouched(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  two  words ", "two  words"),
        ("\ud83d\ude02!", "😂!"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ude02 cut", "\ufffd cut"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("\u200e\ufeffhello\u200b \u2060", "hello"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("nul\0l", "null"),
        ("\u3000\xa0\n", ""),
    ],
)
def test_what_is_repaired(written: str, kept: str) -> None:
    assert clean(written) == kept


@pytest.mark.parametrize("text", ["", "\ufe0f", "\u2800\u3164", "\u202a\n\u202c", "\x07"])
def test_nothing_to_see_is_empty_or_an_attachment(text: str) -> None:
    assert reason_to_drop(text) == "empty"
    assert reason_to_drop(text, has_attachments=True) == "attachment"


@pytest.mark.parametrize(
    "text",
    [
        "/start", "/start@some_bot now", "/imagine a fox", "/set-nick fox", "/s", "/weather\nOslo", "/помощь",
        "!play", "!play that song", "!p https://example.org",
    ],
)  # fmt: skip
def test_commands_are_not_words(text: str) -> None:
    assert reason_to_drop(text) == "command"


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin is full", "//comment", "/ alone", "/10 would not", "and/or", "what? /s", "/r/foxes is quiet",
        "!", "!!! no", "!important is a rule of css", "wow!", "! play",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_command_is_kept(text: str) -> None:
    assert reason_to_drop(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?b=c", "<https://example.org>", "http://a.example\n<https://b.example> www.c.example",
        "HTTPS://EXAMPLE.ORG",
    ],
)  # fmt: skip
def test_links_alone_are_not_words(text: str) -> None:
    assert reason_to_drop(text, has_attachments=True) == "link"


@pytest.mark.parametrize("text", ["look https://example.org", "https://example.org ha", "https:// is a scheme", "❤️"])
def test_words_beside_a_link_are_kept(text: str) -> None:
    assert reason_to_drop(text) is None


@pytest.mark.parametrize(
    "text", ["https://a" * 5000 + " x", "/a" * 20_000, "!a " + "b " * 20_000, "\u200b" * 50_000 + "x"]
)
def test_a_hostile_message_takes_no_longer_than_another(text: str) -> None:
    start = time.process_time()
    reason_to_drop(clean(text))
    assert time.process_time() - start < 2  # some milliseconds, where a quadratic one takes many seconds
