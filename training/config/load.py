"""Settings from where they are written, read once by an entry point: --set, the environment, config.toml, the defaults.

That is also their order of precedence; an experiment's file lies over config.toml. A wrong key or value is one line:
where it stands, what it is, what is allowed.
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
from training.config.keys import allowed, known_keys, nearest, wrong_key
from training.config.tables import Settings

CONFIG_FILE = Path("config.toml")
BOT_TABLES = frozenset({"persona", "bot"})
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
        merged = _over(merged, values)
    return merged


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one file's tables over another's."""
    laid = dict(below)
    for name, value in above.items():
        under = laid.get(name)
        laid[name] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return laid


def _given(kind: type[Settings], sets: Iterable[str]) -> dict[str, Any]:
    """Read each `table.key=value`; the value is TOML, or plain words where it is none."""
    known = known_keys(kind)
    values: dict[str, Any] = {}
    for text in sets:
        key, equals, value = text.partition("=")
        path = key.strip().split(".")
        if not equals:
            raise DannError(f"--set {text}: expected table.key=value, such as --set train.minutes=3")
        if known.get(".".join(path), kind) is not None:  # a table, or not known
            unknown = wrong_key(known, path)
            unknown = ".".join(path) if unknown in known else unknown
            raise DannError(f"--set: {unknown} is no setting; did you mean {nearest(known, unknown)}?")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value.strip()
        table = values
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = parsed
    return values


def _explained(kind: type[Settings], error: ErrorDetails, given: Mapping[str, Any], files: Files) -> str:
    known = known_keys(kind)
    key = wrong_key(known, error["loc"])
    where = _origin(key.split("."), given, files)
    if error["type"] == "extra_forbidden":
        return f"{where}: {key} is no setting; did you mean {nearest(known, key)}?"
    found = "true" if error["input"] is True else "false" if error["input"] is False else repr(error["input"])
    if error["type"] == "value_error":
        why = error["msg"].removeprefix("Value error, ")
        together = known[key] is not None  # what two keys of a table must be together
        return f"{where}: [{key}]: {why}" if together else f"{where}: {key} = {found} is not right: {why}"
    return f"{where}: {key} = {found} is not right: it must be {allowed(known, key, error)}"


def _origin(path: Sequence[str], given: Mapping[str, Any], files: Files) -> str:
    if _written(path, given):
        return "--set"
    variables = {f"DANN_{'__'.join(path[:depth])}".upper() for depth in range(1, len(path) + 1)}
    found = (variable for variable in os.environ if variable.upper() in variables)
    written = (str(file) for file, values in files if _written(path, values))
    return next(chain(found, written), str(files[-1][0]))


def _written(path: Sequence[str], values: Any) -> bool:
    for name in path:
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
