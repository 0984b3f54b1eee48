"""`/dann`: options before or among the words, refusals in one line, and all else as text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies.options import MAX_LENGTH, OPTIONS, CommandOption, command_from_options, parse_command
from bot.replies.types import Command
from model.config import MAX_SEED, SamplingParams
from model.errors import DannError

PARAMS = SamplingParams(temperature=0.7, top_p=0.9, max_tokens=50)


def changed(**changes: float) -> SamplingParams:
    return PARAMS.model_copy(update=changes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Command("", PARAMS)),
        ("  \n ", Command("", PARAMS)),
        ("hello there", Command("hello there", PARAMS)),
        ("temp=0.8", Command("", changed(temperature=0.8))),
        ("temp=0,8 hi", Command("hi", changed(temperature=0.8))),
        ("TEMP=.5 hi", Command("hi", changed(temperature=0.5))),
        ("temp=1. hi", Command("hi", changed(temperature=1.0))),
        ("temp=0.8, hi", Command("hi", changed(temperature=0.8))),
        ("temp = 0.8 hi", Command("hi", changed(temperature=0.8))),
        ("seed=7 top_p=0.5 temp=2 length=9 hi", Command("hi", changed(temperature=2, top_p=0.5, max_tokens=9), 7)),
        ("guidance=0,5 candidates=4 hi", Command("hi", changed(guidance=0.5, candidates=4))),
        ("how are you seed=7 today", Command("how are you today", PARAMS, 7)),
        ("one\ntwo seed=4294967295", Command("one\ntwo", PARAMS, MAX_SEED)),
        ("prompt=hello there temp=0", Command("hello there", changed(temperature=0))),
    ],
)
def test_options_stand_before_or_among_the_words(text: str, expected: Command) -> None:
    assert parse_command(text, PARAMS) == expected


@pytest.mark.parametrize(
    "text",
    ["a=b", "what is x=5", "E=mc2", "if a==b then c", "https://a.example/?temp=9&seed=x", "x_y=", "=", "= 5", "===",
     "foo=bar", "(temp=9)", "$temp=9", "key = 5", "<|end|>", "name=sam wrote this", "a=1,5", "temp"],
)  # fmt: skip
def test_words_that_hold_an_equals_sign_are_text(text: str) -> None:
    assert parse_command(text, PARAMS) == Command(text, PARAMS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temp=9", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=-0,1", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=2.0001 hi", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=hot", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=nan", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=inf", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=1_0", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=٣", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("temp=1,0,0", "temp takes a number from 0 to 2, such as temp=0.8"),
        ("top_p=0", "top_p takes a number from 0.01 to 1, such as top_p=0.9"),
        ("top_p=1.1", "top_p takes a number from 0.01 to 1, such as top_p=0.9"),
        ("seed=-1", "seed takes a whole number from 0 to 4294967295, such as seed=7"),
        ("seed=4294967296", "seed takes a whole number from 0 to 4294967295, such as seed=7"),
        ("seed=" + "9" * 9999, "seed takes a whole number from 0 to 4294967295, such as seed=7"),
        ("seed=7.0", "seed takes a whole number from 0 to 4294967295, such as seed=7"),
        ("length=0", "length takes a whole number from 1 to 1000, such as length=100"),
        ("length=1001", "length takes a whole number from 1 to 1000, such as length=100"),
        ("guidance=3.1", "guidance takes a number from 0 to 3, such as guidance=1"),
        ("candidates=5 hi", "candidates takes a whole number from 1 to 4, such as candidates=4"),
        ("candidates=1.5", "candidates takes a whole number from 1 to 4, such as candidates=4"),
        ("temp=0.5 temp=0.6", "temp is given twice; once is enough"),
        ("tmep=0.8 hi", "tmep is no option here; there are temp, top_p, seed, length, guidance and candidates"),
        ("temprature=x", "temprature is no option here; there are temp, top_p, seed, length, guidance and candidates"),
        ("top-p=0.8", "top-p is no option here; there are temp, top_p, seed, length, guidance and candidates"),
        ("top_k=40 hi", "top_k is no option here; there are temp, top_p, seed, length, guidance and candidates"),
        ("hi penalty=1,2", "penalty is no option here; there are temp, top_p, seed, length, guidance and candidates"),
    ],
)
def test_what_is_out_of_range_or_unknown_is_refused_with_one_plain_line(text: str, message: str) -> None:
    with pytest.raises(DannError) as caught:
        parse_command(text, PARAMS)
    assert str(caught.value) == message


def test_minus_nothing_is_nothing() -> None:
    assert str(parse_command("temp=-0", PARAMS).params.temperature) == "0.0"


def test_a_refusal_repeats_no_hostile_text() -> None:
    for text in (
        "temp=@everyone",
        "seed=https://evil.example",
        "length=\u202e",
        "temp=" + "x" * 5000,
        "a" * 5000 + "=1",
    ):
        with pytest.raises(DannError) as caught:
            parse_command(text, PARAMS)
        message = str(caught.value)
        assert len(message) < 120
        assert message.isprintable()
        assert "@" not in message
        assert "evil" not in message


def test_discords_options_are_typed_and_none_is_the_default() -> None:
    assert command_from_options(" hi ", PARAMS, temp=None, top_p=None, seed=None, length=None) == Command("hi", PARAMS)
    assert command_from_options("", PARAMS, temp=0, top_p=1, seed=0, length=1) == Command(
        "", changed(temperature=0.0, top_p=1.0, max_tokens=1), 0
    )


@pytest.mark.parametrize("option", OPTIONS[1:], ids=lambda option: option.name)
def test_both_bounds_are_allowed_and_what_lies_beyond_is_not(option: CommandOption) -> None:
    assert option.minimum is not None
    assert option.maximum is not None
    for value in (option.minimum, option.maximum):
        given: dict[str, Any] = {option.name: option.kind(value)}
        assert command_from_options("", PARAMS, **given).params
    for value in (option.minimum - 1, option.maximum + 1, float("nan")):
        given = {option.name: value}
        with pytest.raises(DannError, match=f"^{option.name} takes {option.allowed}, such as"):
            command_from_options("", PARAMS, **given)


def test_discord_takes_the_options_as_they_are() -> None:
    """Names have 1 to 32 lower-case characters, descriptions 1 to 100, or Discord refuses the command."""
    for option in OPTIONS:
        assert option.name.islower()
        assert 1 <= len(option.description) <= 100
    assert [option.name for option in OPTIONS] == [
        "prompt",
        "temp",
        "top_p",
        "seed",
        "length",
        "guidance",
        "candidates",
    ]


def test_a_default_of_config_toml_may_lie_beyond_what_can_be_asked_for() -> None:
    long = SamplingParams(max_tokens=MAX_LENGTH + 1, top_p=0.001)
    assert parse_command("hi", long).params == long


@given(st.text(max_size=60))
def test_any_text_is_asked_for_or_refused(text: str) -> None:
    refused = ""
    try:
        parse_command(text, PARAMS)
    except DannError as error:
        refused = str(error)
    assert "\n" not in refused
