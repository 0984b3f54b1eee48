"""Which checkpoint serves, in memory: what CURRENT names or, where that cannot be used, the newest before it that can."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.rollback import fallbacks
from model.errors import DannError


@dataclass(frozen=True)
class Incumbent:
    """What serves. `trouble` says why it is not what CURRENT names, "" where it is."""

    snapshot: Snapshot
    trouble: str = ""


def load_incumbent(root: Path) -> Incumbent | None:
    """What serves, None before the first. Raises DannError, of what CURRENT names, where nothing can be used."""
    try:
        id_ = checkpoint.current(root)
        return Incumbent(checkpoint.load(root, id_)) if id_ else None
    except DannError as error:
        for id_ in reversed(fallbacks(root)):
            with suppress(DannError):
                return Incumbent(checkpoint.load(root, id_), str(error))
        raise
