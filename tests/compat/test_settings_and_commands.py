"""Settings and command lines that were written for 0eb29d7 mean the same today."""

import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.platforms import settings_class
from tests.compat.conftest import HERE
from tests.compat.recording import (
    as_file,
    as_set,
    as_variable,
    check,
    command_lines,
    flat,
    parser_of,
)
from training.config.load import load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a folder without config.toml."""
    monkeypatch.chdir(tmp_path)


def load(file: Path | None = None, sets: Sequence[str] = ()) -> dict[str, Any]:
    return flat(load_settings(settings_class(), file, sets).model_dump(mode="json"))


def test_every_setting_is_there_with_its_default(recorded: Any) -> None:
    assert len(recorded["settings"]["defaults"]) > 130
    check(recorded["settings"]["defaults"], load(), exact=True)


def test_its_config_file_gives_the_same_values(recorded: Any) -> None:
    check(recorded["settings"]["config.toml"], load(HERE / "config-0eb29d7.toml"), exact=True)


def test_every_setting_can_be_written_in_a_file_an_option_and_a_variable(
    recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = recorded["settings"]["others"]
    assert {key for group in groups for key in group} == set(recorded["settings"]["defaults"])
    for values in groups:
        file = tmp_path / "other.toml"
        file.write_text(as_file(values))
        check(values, load(file), exact=True)
        check(values, load(sets=[as_set(*one) for one in values.items()]), exact=True)
        with monkeypatch.context() as environment:
            for one in values.items():
                environment.setenv(*as_variable(*one))
            check(values, load(), exact=True)


def test_a_variable_may_hold_a_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANN_TRAIN", '{"minutes": 3, "optimizer": "sgd"}')
    found = load()
    assert (found["train.minutes"], found["train.optimizer"]) == (3, "sgd")


def test_every_command_takes_what_it_took(recorded: Any) -> None:
    assert {"import", "experiment compare", "serve"} <= recorded["commands"]["dann"].keys()
    present = {
        "dann": command_lines(parser_of(lambda: main([]))),
        "python -m training": command_lines(parser_of(lambda: runpy.run_module("training", run_name="__main__"))),
    }
    check(recorded["commands"], present, exact=True)
