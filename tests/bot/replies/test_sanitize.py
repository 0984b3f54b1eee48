"""What dann shows: no pings, no links, no tricks with the screen, and one author's turn."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies.sanitize import MAX_MARKS, ZERO_WIDTH_SPACE, defuse_mentions, first_turn, sanitize

NAMES = ("dann", "Sam", "li.x", "Ann (she)")
ZALGO = "h" + "\u0316\u0301\u0489" * 30 + "i"
HOSTILE = [
    "@everyone", "@here", "<@123456789012345678>", "<@!12>", "<@&34>", "<#56>", "@sam", "</dann:1>", "<id:customize>",
    "https://evil.example/x", "www.evil.example", "[free](https://evil.example)", "t.me/evil", "evil.com", "a@evil.com",
    ZALGO, "😂" * 2000, "\u202eright to left\u202c", "\u2066iso\u2069", "\u200e\u200f\u061c", "\0null\0byte", "\x1b[31mred",
    "\ud83d", "<|end|>", "<|me|>", "<BOS>", "**" * 200, "||" * 200, "```" * 50, "> " * 100, "# big\n" * 50, "\n" * 500,
    "a\r\nb\rc\u2028d", "Sam: hi", "dann: hi", "<Sam> hi", "dann: dann: hi", "hello\nSam: and you?\nmore", "\u200b", "\ufeff",
    "\u3164", "\u2800", "", " ", "asp.net",
]  # fmt: skip
JOINTS = st.sampled_from(["\n", " ", ":", "@", "<", "]("])
TEXTS = st.lists(st.one_of(st.sampled_from(HOSTILE), JOINTS, st.text(max_size=4))).map("".join)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@everyone hi", "@|everyone hi"),
        ("hi @here", "hi @|here"),
        ("<@12> <@!12> <@&34>", "<|@|12> <|@|!12> <|@|&34>"),
        ("<#56> and </dann:1>", "<|#56> and <|/dann:1>"),
        ("@sam, @@sam", "@|sam, @|@|sam"),
        ("meet @ 5, <3", "meet @ 5, <3"),
    ],
)
def test_no_pings(text: str, shown: str) -> None:
    assert sanitize(text, NAMES).replace(ZERO_WIDTH_SPACE, "|") == shown
    assert sanitize(text, NAMES, links=True).replace(ZERO_WIDTH_SPACE, "|") == shown
    assert defuse_mentions(text).replace(ZERO_WIDTH_SPACE, "|") == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("look https://a.example/b?c=d#e here", "look here"),
        ("HTTP://A.EXAMPLE", ""),
        ("<https://a.example>", ""),
        ("see www.a.example", "see"),
        ("[this](https://a.example) helps", "this helps"),
        ("t.me/joinchat and discord.gg/abc", "and"),
        ("see evil.com, or sub.evil.co.uk?x=1", "see , or"),
        ("socket.io/x asp.net:8080 youtu.be/abc evil.net?a=b", ""),
        ("write to a.b@example.com now", "write to now"),
        ("tg://resolve?domain=x mailto:a@b", ""),
        ("hthttp://ttp://x", ""),
        ("www<http://a>.evil.example", ""),
        ("train.py has 3.5 node.js e.g. this...that", "train.py has 3.5 node.js e.g. this...that"),
        ("ok.So", "ok.So"),
    ],
)
def test_links_are_off_unless_configured_on(text: str, shown: str) -> None:
    assert sanitize(text, NAMES) == shown
    assert sanitize(text, NAMES, links=True).replace(ZERO_WIDTH_SPACE, "") == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("asp.net or ASP.NET, twitch.tv too", "asp.|net or ASP.|NET, twitch.|tv too"),
        ("well won.gg tell.me: do.it", "well won.|gg tell.|me: do.|it"),
        ("is it asp.net? the.whole.info", "is it asp.|net? the.whole.|info"),
        ("node.js 3.5 e.g. i.e. a.m. README.md this...me netto.network", None),
    ],
)
def test_a_word_with_a_dot_stays_though_nothing_opens(text: str, shown: str | None) -> None:
    """Telegram makes a link of asp.net; a person reads a name."""
    assert sanitize(text, NAMES).replace(ZERO_WIDTH_SPACE, "|") == (shown or text)
    assert sanitize(text, NAMES, links=True) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.example/@sam/b?c=@d hi @sam", "https://a.example/@sam/b?c=@d hi @|sam"),
        ("medium.com/@sam, www.a.org/@b", "medium.com/@sam, www.a.org/@b"),
        ("write to a.b@example.com", "write to a.b@example.com"),
        ("https://a.example/@everyone /@here", "https://a.example/@|everyone /@|here"),
        ("https://a.example/<@12>@sam", "https://a.example/<|@|12>@|sam"),
        ("@https://a.example tg://@sam x@dann_bot", "@|https://a.example tg://@|sam x@|dann_bot"),
        ("[this](https://a.example/@sam) @sam", "[this](https://a.example/@sam) @|sam"),
    ],
)
def test_links_that_are_on_stay_whole_and_mention_nobody(text: str, shown: str) -> None:
    assert sanitize(text, NAMES, links=True).replace(ZERO_WIDTH_SPACE, "|") == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dann: hi", "hi"),
        ("DANN : hi", "hi"),
        ("<dann> hi", "hi"),
        ("**dann**: hi", "hi"),
        ("dann: dann: hi", "hi"),
        ("Sam: hi", "hi"),
        ("<somebody else> hi", "hi"),
        ("\n\nSam: hi", "hi"),
        ("hi\nSam: hello\nmore", "hi"),
        ("hi\n<sam> hello", "hi"),
        ("hi\n@sam: hello", "hi"),
        ("hi\nAnn (she): hello", "hi"),
        ("hi\ndann: again\nli.x: no", "hi\nagain"),
        ("hi\nlixx: yes", "hi\nlixx: yes"),
        ("note: this\nedit: that", "note: this\nedit: that"),
        ("nobody:\nme: lol", "nobody:\nme: lol"),
        ("sam says: hi, Sam: x", "sam says: hi, Sam: x"),
        ("<3 you\n<|end|>", "<3 you\n<|end|>"),
        ("dann:", ""),
        ("Sam:\ndann:", ""),
    ],
)
def test_one_authors_turn_without_speaker_tags(text: str, shown: str) -> None:
    assert first_turn(text, NAMES) == shown
    assert sanitize(text, NAMES) == shown


def test_a_scheme_is_no_speaker() -> None:
    assert sanitize("Sam://x is odd", NAMES, links=True) == "Sam://x is odd"


def test_a_conversation_without_names_has_no_tags_but_those_in_brackets() -> None:
    assert first_turn("sam: hi", ["", " "]) == "sam: hi"
    assert first_turn("<sam> hi", []) == "hi"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\0null\0byte", "nullbyte"),
        ("\x1b[31mred\x07", "[31mred"),
        ("a\tb\r\nc\rd\u2028e", "a b\nc\nd\ne"),
        ("\u202eabc\u202c \u2066d\u2069 \u200ee\u200f\u061c", "abc d e"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("half \ud83d", "half"),
        ("one\n\n\n\n\ntwo", "one\n\ntwo"),
        ("👨‍👩‍👧‍👦 👁️‍🗨️ 🏳️‍🌈 1️⃣ 👍🏽 🇺🇦", "👨‍👩‍👧‍👦 👁️‍🗨️ 🏳️‍🌈 1️⃣ 👍🏽 🇺🇦"),
        ("tiếng Việt, שָׁלוֹם, नमस्ते, ภาษาไทย, مُحَمَّد", "tiếng Việt, שָׁלוֹם, नमस्ते, ภาษาไทย, مُحَمَّد"),
        ("<|end|> <|me|>", "<|end|> <|me|>"),
    ],
)
def test_what_cannot_be_seen_is_taken_out_and_what_can_stays(text: str, shown: str) -> None:
    assert sanitize(text, NAMES) == shown


@pytest.mark.parametrize(
    "text", ["", " \n", "\u200b", "\ufeff\u200d", "\u3164\u2800", "\0", "\ud83d", "\u0301", "https://a.b", "\ue000"]
)
def test_what_shows_nothing_is_empty(text: str) -> None:
    assert sanitize(text, NAMES) == ""


def test_zalgo_keeps_a_bounded_number_of_marks() -> None:
    marks = [unicodedata.combining(character) or character == "\u0489" for character in sanitize(ZALGO, NAMES)]
    assert sum(map(bool, marks)) <= MAX_MARKS
    assert sanitize(ZALGO, NAMES).startswith("h")
    assert sanitize(ZALGO, NAMES).endswith("i")


@given(TEXTS)
def test_whatever_is_drawn_is_clean_and_cleaning_again_changes_nothing(text: str) -> None:
    shown = sanitize(text, NAMES)
    assert sanitize(shown, NAMES) == shown
    assert defuse_mentions(shown) == shown
    assert not re.search(r"@(everyone|here|\w)|<[@#/]|[a-zA-Z]://|\bwww\.", shown)
    assert not re.search(r"[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ud800-\udfff]", shown)
    assert not re.search(rf"[\u0300-\u036f\u0483-\u0489]{{{MAX_MARKS + 1}}}", shown)
    assert "\n\n\n" not in shown
    assert not re.search(r"\b\w+\.(com|net|io|me)\b", shown)
    assert not re.search(r"^(dann|sam|li\.x) ?:", shown, re.IGNORECASE | re.MULTILINE)
    assert shown == shown.strip()


@given(TEXTS)
def test_links_or_not_nobody_is_mentioned(text: str) -> None:
    shown = sanitize(text, NAMES, links=True)
    assert sanitize(shown, NAMES, links=True) == shown
    assert not re.search(r"@(everyone|here)|<[@#/]", shown)
    assert not re.search(r"@\w", re.sub(r"\S*[./]\S*", "", shown))  # whatever may be a link set aside


@pytest.mark.parametrize(
    "part", ["a", "a.", "a-", "[", "a+", "@", "<", "\n ", "[a](", "dann:", "Sam: ", "h\u0301", "http", "a@"]
)
def test_no_text_takes_long(part: str) -> None:
    """Each pattern is bounded, or this would run into its time limit: 200,000 characters, each a place to begin at."""
    shown = sanitize(part * (200_000 // len(part)), NAMES)
    assert sanitize(shown, NAMES) == shown
