"""Validation of an application command, as strict as Discord's."""

import re
from collections.abc import Sequence
from typing import Any

from tests.servers.discord.errors import form_error

Json = dict[str, Any]
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, NUMBER = 1, 2, 3, 4, 5, 10
TYPES = range(1, 12)
VALUE_TYPES = (STRING, INTEGER, NUMBER)
"""Option types with a value that may have a range or choices."""
NAME = re.compile(r"[-_'\w]{1,32}")
MAX_OPTIONS = 25


def checked_command(body: Any, where: str) -> Json:
    """Return a chat command with defaults filled in. Raises ApiError for its first error."""
    if not isinstance(body, dict):
        raise form_error(where, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    if body.get("type", 1) != 1:
        raise form_error(f"{where}.type", "UNSUPPORTED", "Only chat commands are offered here.")
    permissions = body.get("default_member_permissions")
    if permissions is not None and not re.fullmatch(r"\d+", str(permissions)):
        raise form_error(f"{where}.default_member_permissions", "INVALID_PERMISSIONS", "Not a set of permissions.")
    _check_among(body.get("contexts"), (0, 1, 2), f"{where}.contexts")
    _check_among(body.get("integration_types"), (0, 1), f"{where}.integration_types")
    return {
        "type": 1,
        **_named(body, where),
        "options": _options(body.get("options"), where, depth=0),
        "default_member_permissions": None if permissions is None else str(permissions),
        "dm_permission": body.get("dm_permission", True),
        "contexts": body.get("contexts"),
        "integration_types": body.get("integration_types") or [0],
        "nsfw": body.get("nsfw", False),
        "name_localizations": None,
        "description_localizations": None,
    }


def _check_among(values: Any, allowed: Sequence[int], where: str) -> None:
    if values is not None and (not isinstance(values, list) or any(value not in allowed for value in values)):
        raise form_error(where, "BASE_TYPE_CHOICES", f"Value must be one of {set(allowed)}.")


def _named(body: Json, where: str) -> Json:
    name, about = body.get("name"), body.get("description")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name != name.lower():
        raise form_error(f"{where}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if not isinstance(about, str) or not 1 <= len(about) <= 100:
        raise form_error(f"{where}.description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    return {"name": name, "description": about}


def _options(body: Any, where: str, depth: int) -> list[Json]:
    body = [] if body is None else body
    if not isinstance(body, list) or len(body) > MAX_OPTIONS:
        raise form_error(f"{where}.options", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_OPTIONS} or fewer in length.")
    options = [_option(one, f"{where}.options.{number}", depth) for number, one in enumerate(body)]
    names = [one["name"] for one in options]
    if len(set(names)) < len(names):
        raise form_error(
            f"{where}.options", "APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATE", "Option names must be unique"
        )
    needed = [one["required"] for one in options]
    if needed != sorted(needed, reverse=True):
        raise form_error(
            f"{where}.options", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options come before others"
        )
    nests = {one["type"] in (SUBCOMMAND, GROUP) for one in options}
    if len(nests) > 1:
        raise form_error(f"{where}.options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-commands stand alone")
    return options


def _option(body: Any, where: str, depth: int) -> Json:
    if not isinstance(body, dict) or body.get("type") not in TYPES:
        raise form_error(f"{where}.type", "BASE_TYPE_CHOICES", "Value must be one of the option types.")
    kind = body["type"]
    option = {**body, **_named(body, where), "required": body.get("required", False)}
    if kind in (SUBCOMMAND, GROUP):
        if depth >= 2 or (kind == GROUP and depth):
            raise form_error(where, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Nested too deep")
        return {**option, "options": _options(body.get("options"), where, depth + 1)}
    if body.get("options"):
        raise form_error(
            f"{where}.options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Only sub-commands have options"
        )
    _check_bounds(body, where, kind)
    _check_choices(body, where, kind)
    return option


def _check_bounds(body: Json, where: str, kind: int) -> None:
    pairs = (("min_value", "max_value", (INTEGER, NUMBER)), ("min_length", "max_length", (STRING,)))
    for low, high, kinds in pairs:
        given = [body[name] for name in (low, high) if body.get(name) is not None]
        if given and kind not in kinds:
            raise form_error(f"{where}.{low}", "APPLICATION_COMMAND_OPTIONS_BOUND_INVALID", "Not for this type")
        whole = (int,) if kind != NUMBER else (int, float)
        if any(not isinstance(bound, whole) or isinstance(bound, bool) for bound in given):
            raise form_error(f"{where}.{low}", "NUMBER_TYPE_COERCE", "Not a number of this type.")
        if kind == INTEGER and any(abs(bound) > 2**53 - 1 for bound in given):
            raise form_error(f"{where}.{high}", "NUMBER_TYPE_MAX", "Must be between -2^53 and 2^53.")
        if len(given) == 2 and given[0] > given[1]:
            raise form_error(f"{where}.{low}", "APPLICATION_COMMAND_OPTIONS_BOUND_INVALID", "Minimum above maximum")


def _check_choices(body: Json, where: str, kind: int) -> None:
    choices = body.get("choices")
    if not choices:
        return
    if kind not in VALUE_TYPES or len(choices) > MAX_OPTIONS:
        raise form_error(f"{where}.choices", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_OPTIONS} or fewer in length.")
    for number, choice in enumerate(choices):
        if not 1 <= len(choice["name"]) <= 100:
            raise form_error(f"{where}.choices.{number}.name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100.")
