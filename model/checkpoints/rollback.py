"""Rolling back to an earlier checkpoint, and fallbacks for one that cannot be used. Knows no network."""

import logging
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints.folder import (
    current,
    current_or_none,
    ids,
    publish,
    refuse_withdrawn,
    served_before,
    unknown_checkpoint,
    withdrawn,
)
from model.checkpoints.retention import retired
from model.errors import DannError

log = logging.getLogger("dann.rollback")


@dataclass(frozen=True)
class RollbackResult:
    """The id that serves now, and the one that served before: the same where nothing changed, None where none did."""

    now: str
    before: str | None


def rollback(root: Path, id_: str = "") -> RollbackResult:
    """Let `id_` serve again, by default the one before the current; after a DannError nothing has changed."""
    before = current_or_none(root)  # a damaged CURRENT is one reason to roll back
    now = rollback_target(root, id_)
    publish(root, now)
    return RollbackResult(now, before)


def rollback_target(root: Path, id_: str = "") -> str:
    """The id that `rollback` makes serve. Raises DannError where there is none."""
    if id_:
        if id_ not in ids(root):
            raise unknown_checkpoint(root)
        refuse_withdrawn(root, id_)
        return id_
    if not (before := _not_retired(root, current(root))):
        raise DannError("there is no checkpoint before the one that serves")
    return before[-1]


def fallbacks(root: Path) -> list[str]:
    """Ids that may serve if the current checkpoint cannot: those that served before it, oldest first. Raises nothing."""
    try:
        return _not_retired(root, current_or_none(root))
    except DannError as error:
        log.warning("the checkpoints that served before are not known: %s", error)
        return []


def _not_retired(root: Path, serving: str | None) -> list[str]:
    leaving = {*retired(root), *withdrawn(root)}
    return [id_ for id_ in served_before(root, serving) if id_ not in leaving]
