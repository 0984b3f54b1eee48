"""What serves instead of what does: at somebody's wish, or where that which does cannot be used. Knows no network."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints.folder import current, ids, publish, served_before, served_until, unknown_checkpoint
from model.checkpoints.retention import retired
from model.errors import DannError

log = logging.getLogger("dann.rollback")


@dataclass(frozen=True)
class RollbackResult:
    """The id that serves now, and the one that did before (the same where nothing changed, None where none did)."""

    now: str
    before: str | None


def rollback(root: Path, id_: str = "") -> RollbackResult:
    """Let `id_` serve again, or else what served before the current one; it is verified first.

    Raises DannError where there is none, or it is damaged; then nothing has changed.
    """
    before: str | None = None
    with suppress(DannError):  # a CURRENT that cannot be read is one reason to roll back
        before = current(root)
    now = rollback_target(root, id_)
    publish(root, now)
    return RollbackResult(now, before)


def rollback_target(root: Path, id_: str = "") -> str:
    """What `rollback` lets serve. Raises DannError where there is none."""
    if id_:
        if id_ not in ids(root):
            raise unknown_checkpoint(root)
        return id_
    going = retired(root)
    before = [one for one in served_before(root) if one not in going]
    if not before:
        raise DannError("there is no checkpoint before the one that serves")
    return before[-1]


def fallbacks(root: Path) -> list[str]:
    """What may serve where that which CURRENT names cannot: what served before it, oldest first. Raises nothing."""
    serving: str | None = None
    with suppress(DannError):  # a CURRENT that cannot be read is one reason to ask
        serving = current(root)
    try:
        going = retired(root)
        return [one for one in served_until(root, serving) if one not in going]
    except DannError as error:
        log.warning("what served before is not known: %s", error)
        return []
