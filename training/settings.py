"""Settings from where they are written, read once by an entry point: --set, the environment, config.toml, the defaults.

That is also their order of precedence; an experiment's file lies over config.toml. A wrong key or value is one line:
where it stands, what it is, what is allowed.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsError

from model.errors import DannError
from training.config import Settings

CONFIG_FILE = Path("config.toml")
BOT_TABLES = frozenset({"persona"})
"""Tables of the same file that belong to the layer above; `python -m training` leaves them alone."""

S = TypeVar("S", bound=Settings)


Files = list[tuple[Path, dict[str, Any]]]
"""Files and what is written there, the one that wins first."""


def load_settings(kind: type[S], file: Path | None, sets: Sequence[str], overlay: Path | None = None) -> S:
    """Read settings of one kind; `file` None is config.toml where it is there, and `overlay` a file that lies over it.

    Raises DannError for what is wrong.
    """
    files: Files = [(overlay, _file_values(kind, overlay))] if overlay else []
    files.append((file or CONFIG_FILE, _file_values(kind, file)))
    written = _merged(files)
    given = _given(kind, sets)

    class Layered(kind):  # type: ignore[valid-type, misc]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            **_: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, written)

    try:
        layered: Settings = Layered(**given)
    except ValidationError as error:
        raise DannError(_explained(kind, error.errors()[0], given, files)) from error
    except SettingsError as error:  # a whole table in one variable, which must be JSON
        raise DannError(
            f"environment: {error}; give each setting its own variable, as in DANN_TRAIN__MINUTES=3"
        ) from error
    return cast("S", kind.model_construct(**dict(layered)))


def _file_values(kind: type[Settings], file: Path | None) -> dict[str, Any]:
    if file is None and not CONFIG_FILE.is_file():
        return {}
    path = file or CONFIG_FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DannError(f"{path}: cannot be read ({error.strerror}); give --config a file that is there") from error
    except UnicodeDecodeError as error:
        raise DannError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise DannError(f"{path}: is not TOML: {_lower(str(error))}") from error
    return {name: table for name, table in values.items() if name in kind.model_fields or name not in BOT_TABLES}


def _merged(files: Files) -> dict[str, Any]:
    """Every table with its keys from all files; what is no table is left for the check to refuse."""
    merged: dict[str, Any] = {}
    for _, values in reversed(files):
        for name, table in values.items():
            below = merged.get(name)
            merged[name] = {**below, **table} if isinstance(below, dict) and isinstance(table, dict) else table
    return merged


def _given(kind: type[Settings], sets: Iterable[str]) -> dict[str, Any]:
    """Read each `table.key=value`; the value is TOML, or plain words where it is none."""
    values: dict[str, Any] = {}
    for text in sets:
        key, equals, value = text.partition("=")
        table, dot, name = key.strip().partition(".")
        if not equals:
            raise DannError(f"--set {text}: expected table.key=value, such as --set train.minutes=3")
        if not (table and dot and name):
            raise DannError(f"--set: {key.strip()} is no setting; did you mean {_nearest(kind, key.strip())}?")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value.strip()
        values.setdefault(table, {})[name] = parsed
    return values


def _explained(kind: type[Settings], error: ErrorDetails, given: Mapping[str, Any], files: Files) -> str:
    key = ".".join(str(part) for part in error["loc"][:2])
    where = _origin(error["loc"], given, files)
    if error["type"] == "extra_forbidden":
        return f"{where}: {key} is no setting; did you mean {_nearest(kind, key)}?"
    if error["type"] == "value_error":  # what two keys must be together
        return f"{where}: [{key}]: {error['msg'].removeprefix('Value error, ')}"
    found = "true" if error["input"] is True else "false" if error["input"] is False else repr(error["input"])
    return f"{where}: {key} = {found} is not right: it must be {_allowed(kind, key, error)}"


def _origin(location: Sequence[int | str], given: Mapping[str, Any], files: Files) -> str:
    table, name = str(location[0]), str(location[1]) if len(location) > 1 else ""
    if table in given and (not name or name in given[table]):
        return "--set"
    variables = (f"DANN_{table}__{name}".upper(), f"DANN_{table}".upper())
    found = (variable for variable in os.environ if variable.upper() in variables)
    written = (str(path) for path, values in files if table in values and (not name or name in values[table]))
    return next(chain(found, written), str(files[-1][0]))


def _nearest(kind: type[Settings], key: str) -> str:
    """Return the known key most like this one; of a table alone, the table."""
    tables = _tables(kind)
    known = [f"{table}.{name}" for table, described in tables.items() for name in described.model_fields]
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    table, _, name = key.partition(".")
    if name or difflib.get_close_matches(table, tables, n=1) == []:
        return near
    return f"[{difflib.get_close_matches(table, tables, n=1)[0]}]"


def _tables(kind: type[Settings]) -> dict[str, type[BaseModel]]:
    found = {table: described.annotation for table, described in kind.model_fields.items()}
    return {table: model for table, model in found.items() if isinstance(model, type) and issubclass(model, BaseModel)}


def _allowed(kind: type[Settings], key: str, error: ErrorDetails) -> str:
    table, _, name = key.partition(".")
    if not name:
        return f"a table, [{table}]"
    described = _tables(kind)[table].model_json_schema()["properties"][name]
    choices = [_choice(one) for one in described.get("anyOf", [described])]
    return " or ".join(choices) if all(choices) else _lower(error["msg"])


def _choice(schema: Mapping[str, Any]) -> str:
    """Say what one branch of a JSON schema allows, in words."""
    if "enum" in schema or "const" in schema:
        return " or ".join(f'"{value}"' for value in schema.get("enum", [schema.get("const")]))
    kinds = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false"}
    bounds = {
        "minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below",
        "minLength": "of at least this many characters:", "maxLength": "of at most this many characters:",
    }  # fmt: skip
    limits = [f"{words} {_number(schema[bound])}" for bound, words in bounds.items() if bound in schema]
    return " ".join([kinds.get(schema.get("type", ""), ""), " and ".join(limits)]).strip()


def _number(value: float) -> str:
    return f"{int(value) if value == int(value) else value:,}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
