"""Registered application commands, and how a person's client uses them. Knows no requests."""

from typing import Any

from tests.servers.discord.errors import form_error
from tests.servers.discord.objects import Ids, Member
from tests.servers.discord.rest.command_form import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    SUBCOMMAND,
    VALUE_TYPES,
    checked_command,
)

Json = dict[str, Any]
MAX_COMMANDS = 100


class CommandBook:
    """The application's global commands; `writes` counts overwrites."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._commands: dict[str, Json] = {}
        self.writes = 0

    def listed(self) -> list[Json]:
        return list(self._commands.values())

    def overwrite(self, body: object, application: int) -> list[Json]:
        """Replace all commands; a known name keeps its id. Raises ApiError for an invalid form."""
        if not isinstance(body, list):
            raise form_error("_", "LIST_TYPE", "Must be a list.")
        if len(body) > MAX_COMMANDS:
            raise form_error("_", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_COMMANDS} or fewer in length.")
        commands = [checked_command(one, str(number)) for number, one in enumerate(body)]
        names = [one["name"] for one in commands]
        if len(set(names)) < len(names):
            raise form_error("_", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
        before, self._commands = self._commands, {}
        for one in commands:
            id_ = before.get(one["name"], {}).get("id") or str(self._ids.new())
            self._commands[one["name"]] = {**one, "id": id_, "application_id": str(application), "version": id_}
        self.writes += 1
        return self.listed()

    def used(self, name: str, options: Json, member: Member | None, *, checked: bool = True) -> Json:
        """Return the data sent when a person uses "command" or "command subcommand" with options.

        Raises ValueError for input that their client would refuse, or with `checked` False only for an unknown command.
        """
        first, *rest = name.split()
        if (command := self._commands.get(first)) is None:
            raise ValueError(f"there is no command /{first}")
        if checked and member and command["default_member_permissions"] == "0" and not member.administrator:
            raise ValueError(f"/{first} is for administrators alone")
        if checked and command["contexts"] is not None and (0 if member else 1) not in command["contexts"]:
            raise ValueError(f"/{first} is not offered here")
        data = {"id": command["id"], "name": first, "type": 1}
        known, sent = command["options"], options
        if rest or any(option["type"] == SUBCOMMAND for option in known):
            sub = next((option for option in known if option["type"] == SUBCOMMAND and [option["name"]] == rest), None)
            if sub is None:
                raise ValueError(f"/{first} has no subcommand {' '.join(rest)!r}")
            filled = self._filled(sub["options"], sent, checked=checked)
            return {**data, "options": [{"name": sub["name"], "type": SUBCOMMAND, "options": filled}]}
        return {**data, "options": self._filled(known, sent, checked=checked)}

    def _filled(self, known: list[Json], options: Json, *, checked: bool) -> list[Json]:
        by_name = {option["name"]: option for option in known}
        for option in known:
            if checked and option["required"] and option["name"] not in options:
                raise ValueError(f"{option['name']} is required")
        for name, value in options.items():
            if checked and name not in by_name:
                raise ValueError(f"there is no option {name}")
            if checked and (fault := _fault(by_name[name], value)):
                raise ValueError(f"{name}: {fault}")
        guessed = {str: STRING, int: INTEGER, float: NUMBER, bool: BOOLEAN}
        return [
            {"name": name, "type": by_name[name]["type"] if name in by_name else guessed[type(value)], "value": value}
            for name, value in options.items()
        ]


def _fault(option: Json, value: Any) -> str:
    """Return why a client would not send this value, or ""."""
    if option["type"] == BOOLEAN and isinstance(value, bool):
        return ""
    kinds: dict[int, tuple[type, ...]] = {STRING: (str,), INTEGER: (int,), NUMBER: (int, float)}
    if option["type"] not in VALUE_TYPES or not isinstance(value, kinds[option["type"]]) or isinstance(value, bool):
        return f"{value!r} is not of this option's type"
    if option.get("choices") and value not in [choice["value"] for choice in option["choices"]]:
        return f"{value!r} is no choice"
    size = len(value) if isinstance(value, str) else value
    low, high = ("min_length", "max_length") if isinstance(value, str) else ("min_value", "max_value")
    if option.get(low) is not None and size < option[low]:
        return f"must be at least {option[low]}"
    if option.get(high) is not None and size > option[high]:
        return f"must be at most {option[high]}"
    return ""
