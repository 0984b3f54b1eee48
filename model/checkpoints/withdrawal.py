"""Withdraw checkpoints that learned what was forgotten since: nothing lets one serve again. Imports no JAX.

Kill it at any moment: WITHDRAWN is written first, and what is in there is neither loaded nor published.
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from model.checkpoints.atomic_files import explain_disk_errors, remove_folder, replace_file
from model.checkpoints.folder import (
    CURRENT,
    SERVED,
    WITHDRAWN,
    checkpoints_lock,
    current_or_none,
    read_ids,
    served_before,
    verify,
    withdrawn,
    write_ids,
)
from model.checkpoints.retention import PINNED
from model.errors import DannError


def withdraw(root: Path, ids: Collection[str]) -> str | None:
    """Withdraw checkpoints, and let the newest before them serve that was not; return its id, None where nothing serves.

    Pins are taken off. Raises DannError where it cannot be written.
    """
    if not root.is_dir():
        return None
    with checkpoints_lock(root):
        gone = sorted({*withdrawn(root), *ids})
        if gone != withdrawn(root):
            write_ids(root / WITHDRAWN, gone)
        with suppress(DannError):  # a damaged one pins nothing
            pinned = read_ids(root / PINNED)
            if kept := [id_ for id_ in pinned if id_ not in gone]:
                write_ids(root / PINNED, kept)
            elif pinned:
                (root / PINNED).unlink(missing_ok=True)
        serving = current_or_none(root)
        if serving not in gone:
            return serving
        return _serve_earlier(root, serving, gone)


def _serve_earlier(root: Path, serving: str | None, gone: Collection[str]) -> str | None:
    """Let the newest usable checkpoint serve that served before; called under the lock."""
    before: list[str] = []
    with suppress(DannError):  # where SERVED is damaged, none is known
        before = [id_ for id_ in served_before(root, serving) if id_ not in gone]
    while before:
        with suppress(DannError):
            verify(root / before[-1])
            break
        before.pop()
    with explain_disk_errors(root / CURRENT):
        if before:
            write_ids(root / SERVED, before[:-1])
            replace_file(root / CURRENT, f"{before[-1]}\n".encode())
            return before[-1]
        (root / CURRENT).unlink(missing_ok=True)
    return None


def remove_withdrawn(root: Path) -> list[str]:
    """Remove the folders of withdrawn checkpoints, and return their ids. Their ids stay: none may come back from a backup."""
    if not root.is_dir():
        return []
    with checkpoints_lock(root):
        there = [id_ for id_ in withdrawn(root) if (root / id_).is_dir() and id_ != current_or_none(root)]
        for id_ in there:
            remove_folder(root / id_)
    return there
