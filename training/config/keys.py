"""Dotted keys of config.toml: the nearest to a wrong one, allowed values. Knows no source of settings: see load.py."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

KnownKeys = dict[str, type[BaseModel] | None]
"""Tables and settings by dotted name: a table's model, or None for a setting."""


def known_keys(model: type[BaseModel], within: str = "") -> KnownKeys:
    """Return all tables and settings of a model, including nested tables."""
    keys: KnownKeys = {}
    for name, field in model.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            keys |= {within + name: table} | known_keys(table, f"{within}{name}.")
        else:
            keys[within + name] = None
    return keys


def wrong_key(known: KnownKeys, location: Sequence[int | str]) -> str:
    """Return the dotted name of a wrong key, down to the first part that is not a table."""
    key = str(location[0])
    for part in location[1:]:
        if known.get(key) is None:
            break
        key = f"{key}.{part}"
    return key


def nearest_key(known: KnownKeys, key: str) -> str:
    """Return the most similar key, from the same table if possible; a table in brackets."""
    within, _, last = key.rpartition(".")
    siblings = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == within}
    if similar := difflib.get_close_matches(last, siblings, n=1):
        near = siblings[similar[0]]
    else:
        settings = [name for name, table in known.items() if table is None]
        near = difflib.get_close_matches(key, settings, n=1, cutoff=0.0)[0]
    return near if known[near] is None else f"[{near}]"


def allowed_values(known: KnownKeys, key: str, error: ErrorDetails) -> str:
    """Describe the values that this key allows."""
    within, _, name = key.rpartition(".")
    parent = known.get(within)
    if known[key] is not None or parent is None:
        return f"a table, [{key}]"
    schema = parent.model_json_schema()["properties"][name]
    choices = [_choice(branch) for branch in schema.get("anyOf", [schema])]
    return " or ".join(choices) if all(choices) else lower_first(error["msg"])


def lower_first(message: str) -> str:
    """Return a library's message as the end of one of ours."""
    return message[:1].lower() + message[1:]


def _choice(schema: Mapping[str, Any]) -> str:
    """Describe what one branch of a JSON schema allows."""
    if "enum" in schema or "const" in schema:
        return " or ".join(f'"{value}"' for value in schema.get("enum", [schema.get("const")]))
    items = schema.get("items", {}).get("description", "text")
    examples = json.dumps(schema.get("items", {}).get("examples", ["1", "2"]))
    kinds = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false",
             "array": f"a list of {items}, such as {examples}"}  # fmt: skip
    bounds = {
        "minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below",
        "minLength": "of at least this many characters:", "maxLength": "of at most this many characters:",
    }  # fmt: skip
    limits = [f"{words} {_number(schema[bound])}" for bound, words in bounds.items() if bound in schema]
    return " ".join([kinds.get(schema.get("type", ""), ""), " and ".join(limits)]).strip()


def _number(value: float) -> str:
    return f"{int(value) if value == int(value) else value:,}"
