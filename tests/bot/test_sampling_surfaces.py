"""The sampling parameters on every surface, held to the fields of SamplingParams: names, help, examples and ranges.

When this fails, a surface has a table of its own again, or a new field has no place on one: derive it from
SAMPLING_OPTIONS in model/config.py, and write a narrower limit beside the surface, by name and with its reason.
"""

import argparse
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from pydantic import ValidationError

from bot.cli import add_sampling
from bot.config import WebConfig
from bot.discord_bot.command_menu import add_commands
from bot.replies.options import BY_NAME, MAX_LENGTH, MIN_TOP_P, OPTIONS
from bot.telegram_bot.command_menu import TALK_HELP
from bot.web.http.static_files import FILES
from bot.web.openai.requests import ChatRequest, CompletionRequest
from bot.web.page.dials import DIALS, dials
from bot.web.page.reply import PageRequest
from bot.web.sampling_request import SamplingForm
from model.config import MAX_SEED, SAMPLING_OPTIONS, SEED_EXAMPLE, SEED_HELP, SamplingOption, SamplingParams

LONGEST_HELP = 100
"""Characters that Discord allows an option's description."""
IN_SCHEMA = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
ROOT = Path(__file__).parents[2]

each = pytest.mark.parametrize("option", SAMPLING_OPTIONS.values(), ids=lambda option: option.field)


@each
def test_a_field_says_all_that_surfaces_show(option: SamplingOption) -> None:
    assert option.label
    assert 0 < len(option.help) <= LONGEST_HELP
    SamplingParams.model_validate({option.field: option.kind(option.example)})
    for beyond in (option.minimum - 1, option.maximum + 1):
        with pytest.raises(ValidationError):
            SamplingParams.model_validate({option.field: beyond})


def test_the_command_line_has_an_option_for_each_field() -> None:
    parser = argparse.ArgumentParser()
    add_sampling(parser)
    settings = parser.get_default("setting_of")
    assert settings == {option.typed_name: f"sample.{option.field}" for option in SAMPLING_OPTIONS.values()}
    for option in SAMPLING_OPTIONS.values():
        (action,) = [action for action in parser._actions if action.dest == option.typed_name]
        assert action.option_strings == [f"--{option.typed_name.replace('_', '-')}"]
        assert action.help == f"{option.help} (sample.{option.field})"


def test_dann_takes_words_help_examples_and_ranges_from_the_fields() -> None:
    narrower = {"top_p": (MIN_TOP_P, 1), "max_tokens": (1, MAX_LENGTH)}
    for command in OPTIONS:
        if command.field:
            option = SAMPLING_OPTIONS[command.field]
            assert (command.name, command.description, command.example) == (
                option.typed_name,
                option.help,
                option.example,
            )
            allowed = narrower.get(command.field, (option.minimum, option.maximum))
            assert (command.minimum, command.maximum) == allowed
            assert option.minimum <= allowed[0] <= float(option.example) <= allowed[1] <= option.maximum
    seed = BY_NAME["seed"]
    assert (seed.description, seed.minimum, seed.maximum, seed.example) == (SEED_HELP, 0, MAX_SEED, SEED_EXAMPLE)


def test_discord_and_telegram_show_the_options_of_dann() -> None:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))

    async def unused(*_: Any) -> None:
        raise AssertionError("no command is run here")

    add_commands(tree, "dann", unused, unused, unused, in_private=True)
    shown = next(command for command in tree.get_commands() if command.name == "dann").to_dict(tree)["options"]
    assert [(one["name"], one["description"]) for one in shown] == [(one.name, one.description) for one in OPTIONS]
    assert [(one.get("min_value"), one.get("max_value")) for one in shown] == [
        (one.minimum, one.maximum) for one in OPTIONS
    ]
    assert re.findall(r"(\w+)=(\S+)", TALK_HELP) == [(one.name, one.example) for one in OPTIONS if one.example]


@pytest.mark.parametrize("form", [SamplingForm, CompletionRequest, ChatRequest])
def test_http_forms_take_ranges_and_help_from_the_fields(form: type[SamplingForm]) -> None:
    schema = form.model_json_schema()["properties"]
    assert set(SamplingForm.model_fields) == set(SamplingParams.model_fields)
    for option in SAMPLING_OPTIONS.values():
        number, null = schema[option.field]["anyOf"]
        assert null == {"type": "null"}
        assert number["type"] == {int: "integer", float: "number"}[option.kind]
        assert {name: number[name] for name in IN_SCHEMA.values() if name in number} == {
            IN_SCHEMA[bound]: value for bound, value in option.bounds.items()
        }
        assert number["description"].startswith(option.help)


def test_other_http_fields_for_the_same_thing_have_the_same_range() -> None:
    properties = ChatRequest.model_json_schema()["properties"]
    assert properties["max_completion_tokens"]["anyOf"] == properties["max_tokens"]["anyOf"]
    most = WebConfig.model_json_schema()["properties"]["most_tokens"]
    assert (most["minimum"], most["maximum"]) == (
        SAMPLING_OPTIONS["max_tokens"].minimum,
        SAMPLING_OPTIONS["max_tokens"].maximum,
    )
    started = PageRequest.model_json_schema()["properties"]["begun"]["anyOf"][0]
    assert started["maxItems"] == SAMPLING_OPTIONS["max_tokens"].maximum


@each
def test_the_page_has_a_dial_for_each_field_within_its_range(option: SamplingOption) -> None:
    params = SamplingParams(temperature=0.7, max_tokens=55)
    dial = json.loads(json.dumps(dials(params)))[option.field]
    assert (dial["label"], dial["hint"]) == (option.label, option.help)
    assert dial["default"] == getattr(params, option.field)
    assert option.minimum <= dial["min"] < dial["max"] <= option.maximum
    assert DIALS[option.field].minimum is None or dial["min"] > option.minimum, "leave out a limit that is not narrower"
    assert DIALS[option.field].maximum is None or dial["max"] < option.maximum, "leave out a limit that is not narrower"


def test_the_page_has_no_other_dials_and_no_range_of_its_own() -> None:
    assert {*DIALS, "seed"} == dials(SamplingParams()).keys() == {*SamplingParams.model_fields, "seed"}
    assert dials(SamplingParams())["seed"]["hint"] == SEED_HELP
    client = FILES.parent / "client"
    program = (client / "shell/dials.js").read_text() + (client / "index.html").read_text()
    assert not re.findall(r"(?:top_k|top_p|min_p|repetition_penalty|max_tokens|\bmin=|\bmax=)", program)
    (listed,) = re.findall(r"PARAMS = \[(.*?)\]", (client / "talk/link.js").read_text(), re.DOTALL)
    assert re.findall(r'"(\w+)"', listed) == list(SamplingParams.model_fields)


def test_config_toml_shows_every_field_with_its_default() -> None:
    shown = tomllib.loads((ROOT / "config.toml").read_text())["sample"]
    assert shown == SamplingParams().model_dump()
