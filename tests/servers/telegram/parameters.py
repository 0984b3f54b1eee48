"""A request's parameters, read as leniently and as strictly as the Bot API reads them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.telegram.errors import bad_request


@dataclass(frozen=True)
class Parameters:
    """What came with a request, by name: text from a form, any JSON value from a JSON body. Unknown names are ignored."""

    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A string, "" where it is missing."""
        value = self.given.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str) -> bool:
        """True for true, yes and 1, in any case."""
        return self.text(name).lower() in {"true", "yes", "1"}

    def number(self, name: str, missing: int = 0) -> int:
        """An integer; what is none counts as 0, as it does there."""
        text = self.text(name)
        if not text:
            return missing
        try:
            return int(text)
        except ValueError:
            return 0

    def object(self, name: str, kind: str) -> Any:
        """A JSON value; None where it is missing. `kind` is its type's name in the Bot API."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise bad_request(f"can't parse {kind} JSON object") from error
