"""Settings in the environment, as variables DANN_TABLE__KEY: refuse those that no setting has.

pydantic-settings looks up the variables of the tables it knows and ignores all others, so a misspelt table would be silent.
"""

import os
from collections.abc import Collection

from model.errors import DannError
from training.config.keys import KnownKeys, nearest_key, wrong_key

PREFIX, SEPARATOR = "DANN_", "__"


def refuse_unknown_variables(known: KnownKeys, other_tables: Collection[str]) -> None:
    """Raise DannError for a variable that names no setting; those of `other_tables` belong to other commands.

    Names without the separator are left alone: they hold secrets (DANN_API_KEY) or a whole table, or are another program's.
    """
    for variable in sorted(os.environ):
        if not variable.upper().startswith(PREFIX):
            continue
        path = variable[len(PREFIX) :].lower().split(SEPARATOR)
        if len(path) < 2 or path[0] in other_tables:
            continue
        key = wrong_key(known, path)
        if key not in known:
            raise DannError(f"{variable}: {key} is no setting; did you mean {nearest_key(known, key)}?")
