"""The folder of checkpoints as people manage it: listing, pinning, removing, and what goes after a publish.

    <root>/PINNED     the ids of those that stay, however old
    <root>/RETIRED    the ids of those that go after the next publish, because posts that they learned were forgotten

Knows no network: nothing here imports JAX. What serves is never removed: a checkpoint goes out of sight in one step, under
the lock that publishing takes, and only while CURRENT names another.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from model.checkpoints.atomic_files import alone, remove_folder
from model.checkpoints.folder import (
    LOCK,
    META,
    Meta,
    current,
    ids,
    read_ids,
    served_before,
    unknown_checkpoint,
    verify,
    write_ids,
)
from model.errors import DannError

log = logging.getLogger("dann.shelf")

PINNED, RETIRED = "PINNED", "RETIRED"


@dataclass(frozen=True)
class CheckpointInfo:
    """One checkpoint. `created` is ISO 8601, `bytes` what it takes on disk; the figures are None where meta.json is damaged.

    `damaged` and `refused` say why, and are "" where it is neither.
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


def list_checkpoints(root: Path, refused: Mapping[str, str] | None = None) -> list[CheckpointInfo]:
    """All checkpoints, oldest first, each verified. `refused` says of a candidate's id why it was not published.

    Raises DannError where CURRENT, PINNED or RETIRED is damaged.
    """
    serving, pinned, going = current(root), read_ids(root / PINNED), retired(root)
    found = []
    for folder in (root / name for name in sorted(_folders(root))):
        meta, name = _meta(folder), folder.name
        found.append(
            CheckpointInfo(
                id=name,
                created=meta.created if meta else None,
                posts=meta.posts if meta else None,
                val_bpb=meta.val_bpb if meta else None,
                bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
                current=name == serving,
                pinned=name in pinned,
                retired=name in going,
                damaged=_damage(folder),
                refused=(refused or {}).get(name, ""),
            )
        )
    return found


def retired(root: Path) -> list[str]:
    """Ids of those that go after the next publish. Raises DannError where RETIRED is damaged."""
    return read_ids(root / RETIRED)


def pin(root: Path, id_: str) -> None:
    """Keep `id_` however old it is. Raises DannError for one that is not there, or is retired."""
    if id_ not in ids(root):
        raise unknown_checkpoint(root)
    with alone(root / LOCK):
        if id_ in retired(root):
            raise DannError(f"{id_} goes after the next publish: it learned posts that were forgotten since")
        _change(root, PINNED, lambda pinned: pinned | {id_})


def unpin(root: Path, id_: str) -> None:
    """Let `id_` go when its time comes. Raises DannError for one that is not pinned."""
    with alone(root / LOCK):
        if id_ not in read_ids(root / PINNED):
            raise DannError("this one is not pinned; `dann checkpoints` shows which are")
        _change(root, PINNED, lambda pinned: pinned - {id_})


def remove(root: Path, id_: str) -> None:
    """Remove `id_` for good, also a damaged one. Raises DannError for the one that serves, for a pinned one, for none."""
    if id_ not in _folders(root):
        raise unknown_checkpoint(root)
    with alone(root / LOCK):
        if id_ in read_ids(root / PINNED):
            raise DannError(f"{id_} is pinned; `dann pin {id_} --off` lets it go, then remove it")
        _remove(root, id_)
        _change(root, RETIRED, lambda retired: retired - {id_})


def retire(root: Path, forgotten: Iterable[str]) -> list[str]:
    """Let those of these that are there go after the next publish, pinned or not; returns them."""
    with alone(root / LOCK):
        going = sorted(set(forgotten) & _folders(root))
        _change(root, RETIRED, lambda retired: retired.union(going))
        _change(root, PINNED, lambda pinned: pinned.difference(going))
    return going


def prune(root: Path, keep: int) -> list[str]:
    """Remove what need not stay, and return its ids. Only to be called when a publish has succeeded.

    What serves stays, and the `keep` - 1 that served before it, and the pinned ones, unless they are retired; so does what is
    newer than that which serves. Raises nothing: what cannot be done is logged, and stays.
    """
    removed: list[str] = []
    try:
        with alone(root / LOCK):
            for id_ in _going(root, keep):
                _remove(root, id_)
                removed.append(id_)
            _change(root, RETIRED, set)
    except DannError as error:
        log.warning("older checkpoints stay: %s", error)
    return removed


def _going(root: Path, keep: int) -> list[str]:
    """What `after_publish` removes, oldest first."""
    serving, earlier, known = current(root), served_before(root), ids(root)
    if serving not in known:
        raise DannError(f"{root}: CURRENT names no checkpoint that is there, so none is removed")
    pinned = read_ids(root / PINNED)
    staying = {*earlier[max(0, len(earlier) + 1 - keep) :], *pinned, serving}
    older = [one for one in known if one not in staying and one < serving]
    return sorted({*older, *(set(retired(root)) & _folders(root))} - {serving})


def _remove(root: Path, id_: str) -> None:
    """Under the lock, without which CURRENT could come to name it meanwhile."""
    if id_ == current(root):
        raise DannError(f"{id_} is what serves; let another serve first (`dann rollback ID`, `dann train`)")
    remove_folder(root / id_)


def _change(root: Path, name: str, change: Callable[[set[str]], set[str]]) -> None:
    """Under the lock: change a file of ids; those of checkpoints that are gone are dropped."""
    before = read_ids(root / name)
    after = sorted(change(set(before)) & _folders(root))
    if after != before:
        write_ids(root / name, after)


def _folders(root: Path) -> set[str]:
    """Names of all that looks like a checkpoint, complete or not."""
    return {path.name for path in root.glob("[!.]*") if path.is_dir()}


def _meta(folder: Path) -> Meta | None:
    try:
        return Meta.model_validate_json((folder / META).read_bytes())
    except (OSError, ValidationError):
        return None


def _damage(folder: Path) -> str:
    try:
        verify(folder)
    except DannError as error:
        return str(error)
    return ""
