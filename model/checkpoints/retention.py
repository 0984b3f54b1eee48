"""Listing, pinning, removing and pruning checkpoints. Knows no network, imports no JAX.

    <root>/PINNED     the ids of those that stay, however old
    <root>/RETIRED    the ids of those to remove after the next publish, because posts they were trained on were forgotten

The checkpoint that serves is never removed: removing happens in one step, under the lock that publishing takes, and only
while CURRENT names another.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints.atomic_files import remove_folder
from model.checkpoints.folder import (
    checkpoints_lock,
    current,
    ids,
    read_ids,
    read_meta,
    refuse_withdrawn,
    served_before,
    unknown_checkpoint,
    verify,
    withdrawn,
    write_ids,
)
from model.errors import DannError

log = logging.getLogger("dann.shelf")

PINNED, RETIRED = "PINNED", "RETIRED"


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint as listed. `created` is ISO 8601, `bytes` its size on disk; figures are None if meta.json is damaged.

    `damaged` and `refused` hold the reason, "" where it is neither.
    """

    id: str
    created: str | None
    posts: int | None
    val_bpb: float | None
    bytes: int
    current: bool
    pinned: bool
    retired: bool
    damaged: str
    refused: str
    withdrawn: bool = False


def list_checkpoints(root: Path, refused: Mapping[str, str] | None = None) -> list[CheckpointInfo]:
    """All checkpoints, oldest first, each verified. `refused` maps a candidate's id to why it was not published.

    Raises DannError where CURRENT, PINNED or RETIRED is damaged.
    """
    serving, pinned, retiring, gone = current(root), read_ids(root / PINNED), retired(root), withdrawn(root)

    def info(name: str) -> CheckpointInfo:
        meta, damaged = read_meta(folder := root / name), ""
        try:
            verify(folder)
        except DannError as error:
            damaged = str(error)
        return CheckpointInfo(
            id=name,
            created=meta.created if meta else None,
            posts=meta.posts if meta else None,
            val_bpb=meta.val_bpb if meta else None,
            bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
            current=name == serving,
            pinned=name in pinned,
            retired=name in retiring,
            damaged=damaged,
            refused=(refused or {}).get(name, ""),
            withdrawn=name in gone,
        )

    return [info(name) for name in sorted(_folders(root))]


def retired(root: Path) -> list[str]:
    """Ids of the checkpoints to remove after the next publish. Raises DannError where RETIRED is damaged."""
    return read_ids(root / RETIRED)


def pin(root: Path, id_: str) -> None:
    """Keep `id_` however old it is. Raises DannError if it does not exist or is retired."""
    if id_ not in ids(root):
        raise unknown_checkpoint(root)
    with checkpoints_lock(root):
        refuse_withdrawn(root, id_)
        if id_ in retired(root):
            raise DannError(f"{id_} goes after the next publish: it was trained on posts that were forgotten since")
        _change(root, PINNED, lambda pinned: pinned | {id_})


def unpin(root: Path, id_: str) -> None:
    """Undo `pin`. Raises DannError if `id_` is not pinned."""
    with checkpoints_lock(root):
        if id_ not in read_ids(root / PINNED):
            raise DannError("this one is not pinned; `dann checkpoints` shows which are")
        _change(root, PINNED, lambda pinned: pinned - {id_})


def remove(root: Path, id_: str) -> None:
    """Delete `id_`, also a damaged one. Raises DannError if it serves, is pinned, or does not exist."""
    if id_ not in _folders(root):
        raise unknown_checkpoint(root)
    with checkpoints_lock(root):
        if id_ in read_ids(root / PINNED):
            raise DannError(f"{id_} is pinned; `dann pin {id_} --off` lets it go, then remove it")
        _remove(root, id_)
        _change(root, RETIRED, lambda retired: retired - {id_})


def retire(root: Path, forgotten: Iterable[str]) -> list[str]:
    """Mark those of `forgotten` that exist for removal after the next publish, pinned or not; returns them."""
    with checkpoints_lock(root):
        retiring = sorted(set(forgotten) & _folders(root))
        _change(root, RETIRED, lambda retired: retired.union(retiring))
        _change(root, PINNED, lambda pinned: pinned.difference(retiring))
    return retiring


def prune(root: Path, keep: int) -> list[str]:
    """Remove checkpoints that need not be kept, and return their ids. Only to be called after a publish has succeeded.

    Kept are the one that serves, the `keep` - 1 that served before it, the pinned ones, all but those that are retired, and
    any that are newer than the one that serves. Raises nothing: what cannot be removed is logged, and stays.
    """
    removed: list[str] = []
    try:
        with checkpoints_lock(root):
            for id_ in _to_remove(root, keep):
                _remove(root, id_)
                removed.append(id_)
            _change(root, RETIRED, set)
    except DannError as error:
        log.warning("older checkpoints stay: %s", error)
    return removed


def _to_remove(root: Path, keep: int) -> list[str]:
    """Ids that `prune` removes, oldest first."""
    serving, existing = current(root), ids(root)
    if serving not in existing:
        raise DannError(f"{root}: CURRENT names no checkpoint that exists, so none is removed")
    earlier = served_before(root, serving)
    kept = {*earlier[max(0, len(earlier) + 1 - keep) :], *read_ids(root / PINNED), serving}
    older = [id_ for id_ in existing if id_ not in kept and id_ < serving]
    return sorted({*older, *(set(retired(root)) & _folders(root))} - {serving})


def _remove(root: Path, id_: str) -> None:
    """Remove `id_`; called under the lock, so that CURRENT cannot change to it meanwhile."""
    if id_ == current(root):
        raise DannError(f"{id_} serves; let another serve first (`dann rollback ID`, `dann train`)")
    remove_folder(root / id_)


def _change(root: Path, name: str, change: Callable[[set[str]], set[str]]) -> None:
    """Change a file of ids, under the lock; ids of checkpoints that no longer exist are dropped."""
    before = read_ids(root / name)
    after = sorted(change(set(before)) & _folders(root))
    if after != before:
        write_ids(root / name, after)


def _folders(root: Path) -> set[str]:
    """Names of all folders of checkpoints, complete or not."""
    return {path.name for path in root.glob("[!.]*") if path.is_dir()}
