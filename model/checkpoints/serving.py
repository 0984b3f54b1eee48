"""Loading the checkpoint that serves: the one CURRENT names or, if that cannot be used, the newest before it that can."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.rollback import fallbacks
from model.errors import DannError

Load = Callable[[Path, str], Snapshot]
"""Loads a checkpoint by its folder's folder and its id; raises DannError for one that cannot be used."""


@dataclass(frozen=True)
class Incumbent:
    """The checkpoint that serves. `trouble` says why it is not the one that CURRENT names, "" where it is."""

    snapshot: Snapshot
    trouble: str = ""


def load_incumbent(root: Path, load: Load = checkpoint.load) -> Incumbent | None:
    """Load the checkpoint that serves; None before the first. Raises DannError, about CURRENT's, if none can be used."""
    try:
        id_ = checkpoint.current(root)
        return Incumbent(load(root, id_)) if id_ else None
    except DannError as error:
        for id_ in reversed(fallbacks(root)):
            with suppress(DannError):
                return Incumbent(load(root, id_), str(error))
        raise
