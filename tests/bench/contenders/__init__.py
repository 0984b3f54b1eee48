"""What is measured against what. A module each, started by tests/bench/rounds/child.py in a process of its own.

A module in the folders here has `prepare(job) -> Contender`, and imports nothing that another contender could disturb.
"""

import importlib
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def contender_named(name: str) -> ModuleType:
    """The module of that name, whichever folder it is in; imported now."""
    found = list(FOLDER.rglob(f"{name}.py"))
    if len(found) != 1:
        raise ModuleNotFoundError(f"No module named {name!r} among the contenders, or more than one")
    (path,) = found
    return importlib.import_module(".".join([__name__, *path.relative_to(FOLDER).with_suffix("").parts]))
