"""What is measured against what. A module each, started by tests/bench/rounds/child.py in a process of its own.

A module in the folders here has `prepare(job) -> Contender`, and imports nothing that another contender could disturb.
"""

import importlib
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def contender_named(name: str) -> ModuleType:
    """The module of that name, whichever folder it is in; imported now."""
    (path,) = FOLDER.rglob(f"{name}.py")
    return importlib.import_module(".".join([__name__, *path.relative_to(FOLDER).with_suffix("").parts]))
