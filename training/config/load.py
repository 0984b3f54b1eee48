"""Load settings from --set, the environment, config.toml and the defaults.

That is their order of precedence; an experiment's file overrides config.toml. Each entry point loads them once. The error
for a wrong key or value is one line: where it is, what was found, what is allowed.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsError

from model.errors import DannError
from training.config.environment import refuse_unknown_variables
from training.config.keys import allowed_values, known_keys, lower_first, nearest_key, wrong_key
from training.config.tables import Settings

CONFIG_FILE = Path("config.toml")
BOT_TABLES = frozenset({"persona", "bot"})
"""Tables of config.toml that belong to bot/; `python -m training` ignores them."""

LAB_TABLES = frozenset({"experiment", "sweep"})
"""Tables of an experiment's file; every command accepts variables of them, and only experiments read those."""

OWNERS_TABLES = frozenset({"privacy"})
"""Tables that hold the owner's own secrets: never written beside what was trained."""

S = TypeVar("S", bound=Settings)

Files = list[tuple[Path, dict[str, Any]]]
"""Files and their values, in order of precedence."""


def load_settings(kind: type[S], file: Path | None, sets: Sequence[str], overlay: Path | None = None) -> S:
    """Load `file` (None: config.toml, if there) with `overlay` over it. Raises DannError for a wrong key or value."""
    files: Files = [(overlay, _file_values(kind, overlay))] if overlay else []
    files.append((file or CONFIG_FILE, _file_values(kind, file)))
    from_command_line = _parse_sets(kind, sets)
    refuse_unknown_variables(known_keys(kind), (BOT_TABLES | LAB_TABLES) - kind.model_fields.keys())

    class Layered(kind):  # type: ignore[valid-type, misc]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            **_: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, *(InitSettingsSource(settings_cls, values) for _, values in files)

    try:
        layered: Settings = Layered(**from_command_line)
    except ValidationError as error:
        raise DannError(_error_message(kind, error.errors()[0], from_command_line, files)) from error
    except SettingsError as error:  # a whole table in one variable, which is parsed as JSON
        advice = "give each setting its own variable, as in DANN_TRAIN__MINUTES=3"
        raise DannError(f"environment: {error}; {advice}") from error
    return cast("S", kind.model_construct(**dict(layered)))


def _file_values(kind: type[Settings], file: Path | None) -> dict[str, Any]:
    if file is None and not CONFIG_FILE.is_file():
        return {}
    path = file or CONFIG_FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors begin a file with a mark
    except OSError as error:
        raise DannError(f"{path}: cannot be read ({error.strerror}); give --config a file that is there") from error
    except UnicodeDecodeError as error:
        raise DannError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except RecursionError as error:
        raise DannError(f"{path}: is not TOML that can be read: lists or tables are nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and a number of more digits than Python reads
        raise DannError(f"{path}: is not TOML: {lower_first(str(error))}") from error
    return {name: table for name, table in values.items() if name in kind.model_fields or name not in BOT_TABLES}


def _parse_sets(kind: type[Settings], sets: Iterable[str]) -> dict[str, Any]:
    """Parse each `table.key=value`; a value that is not TOML is plain text."""
    known = known_keys(kind)
    values: dict[str, Any] = {}
    for text in sets:
        key, equals, value = text.partition("=")
        path = key.strip().split(".")
        if not equals:
            raise DannError(f"--set {text}: expected table.key=value, such as --set train.minutes=3")
        if known.get(".".join(path), kind) is not None:  # a table, or unknown
            unknown = wrong_key(known, path)
            unknown = ".".join(path) if unknown in known else unknown
            raise DannError(f"--set: {unknown} is no setting; did you mean {nearest_key(known, unknown)}?")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            parsed = value.strip()
        table = values
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = parsed
    return values


def _error_message(
    kind: type[Settings], error: ErrorDetails, from_command_line: Mapping[str, Any], files: Files
) -> str:
    known = known_keys(kind)
    key = wrong_key(known, error["loc"])
    where = _source(key.split("."), from_command_line, files)
    if error["type"] == "extra_forbidden":
        return f"{where}: {key} is no setting; did you mean {nearest_key(known, key)}?"
    found = "true" if error["input"] is True else "false" if error["input"] is False else repr(error["input"])
    if error["type"] == "value_error":
        why = error["msg"].removeprefix("Value error, ")
        is_table = known[key] is not None  # a check of two keys of a table
        return f"{where}: [{key}]: {why}" if is_table else f"{where}: {key} = {found} is not right: {why}"
    return f"{where}: {key} = {found} is not right: it must be {allowed_values(known, key, error)}"


def _source(path: Sequence[str], from_command_line: Mapping[str, Any], files: Files) -> str:
    if _has_key(path, from_command_line):
        return "--set"
    variables = {f"DANN_{'__'.join(path[:depth])}".upper() for depth in range(1, len(path) + 1)}
    environment = (variable for variable in os.environ if variable.upper() in variables)
    file_names = (str(file) for file, values in files if _has_key(path, values))
    return next(chain(environment, file_names), str(files[-1][0]))


def _has_key(path: Sequence[str], values: Any) -> bool:
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True
