"""The keys of config.toml by their dotted names: which there are, which is nearest to a wrong one, what a value may be.

Knows no place where a setting is written: see load.py.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Known = dict[str, type[BaseModel] | None]
"""Every table and setting by its dotted name: a table's model, and None for a setting."""


def known_keys(model: type[BaseModel], within: str = "") -> Known:
    """List the tables and settings of a kind of settings, those of tables within tables too."""
    found: Known = {}
    for name, described in model.model_fields.items():
        table = described.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            found |= {within + name: table} | known_keys(table, f"{within}{name}.")
        else:
            found[within + name] = None
    return found


def wrong_key(known: Known, location: Sequence[int | str]) -> str:
    """Return the dotted name of what is wrong: down to the first part that is not a table."""
    key = str(location[0])
    for part in location[1:]:
        if known.get(key) is None:
            break
        key = f"{key}.{part}"
    return key


def nearest(known: Known, key: str) -> str:
    """Return what is most like this key: beside it if there is such a name, else anywhere; a table in brackets."""
    within, _, last = key.rpartition(".")
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == within}
    if like := difflib.get_close_matches(last, beside, n=1):
        near = beside[like[0]]
    else:
        settings = [name for name, table in known.items() if table is None]
        near = difflib.get_close_matches(key, settings, n=1, cutoff=0.0)[0]
    return near if known[near] is None else f"[{near}]"


def allowed(known: Known, key: str, error: ErrorDetails) -> str:
    """Say what the value of this key may be, in words."""
    within, _, name = key.rpartition(".")
    parent = known.get(within)
    if known[key] is not None or parent is None:
        return f"a table, [{key}]"
    described = parent.model_json_schema()["properties"][name]
    choices = [_choice(one) for one in described.get("anyOf", [described])]
    return " or ".join(choices) if all(choices) else error["msg"][:1].lower() + error["msg"][1:]


def _choice(schema: Mapping[str, Any]) -> str:
    """Say what one branch of a JSON schema allows, in words."""
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
