"""A request's parameters, parsed as leniently as by the Bot API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.telegram.errors import bad_request


@dataclass(frozen=True)
class Parameters:
    """Parameters by name: text of a form or values of a JSON body; unknown names are ignored."""

    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a string, "" if missing."""
        value = self.given.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str) -> bool:
        """Return True for true, yes and 1, ignoring case."""
        return self.text(name).lower() in {"true", "yes", "1"}

    def number(self, name: str, missing: int = 0) -> int:
        """Return an integer; anything else is 0, as in the Bot API."""
        text = self.text(name)
        if not text:
            return missing
        try:
            return int(text)
        except ValueError:
            return 0

    def object(self, name: str, kind: str) -> Any:
        """Return a JSON value, None if missing; `kind` is its type's name in the Bot API."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise bad_request(f"can't parse {kind} JSON object") from error
