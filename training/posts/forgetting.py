"""Forgetting posts for good: in the store, and in what was made of them. Knows no terminal.

What learning leaves behind holds no post, but a network can say one again, and so can its samples. Which networks those are
is judged by their age alone, as the store does not keep when a post was imported: `may_hold`.
"""

from dataclasses import dataclass
from pathlib import Path

from model.checkpoints import retention
from model.checkpoints.folder import ids, read_meta
from training.config.tables import DataConfig
from training.lock import training_lock
from training.store.posts import PostStore
from training.store.selector import Found, Selector

MARGIN_SECONDS = 86_400.0
"""Some exports give local times, which are off by up to 14 hours, and clocks are wrong."""

DERIVED = ("samples.txt", "tokenizer.json")
"""What a run keeps that may quote posts, in whole or in pieces; a finished run has no more use for either."""


@dataclass(frozen=True)
class Forgotten:
    """What was done. `checkpoints` may have learned from the posts, as had the unfinished `runs`, which are taken back.

    `retired` are those of the checkpoints that go after the next publish.
    """

    found: Found
    checkpoints: list[str]
    retired: list[str]
    runs: list[str]


def forget(store: PostStore, data: DataConfig, selector: Selector, *, purge: bool) -> Forgotten:
    """Take the posts out for good; `purge`: also what was made of them, the checkpoints once another is published.

    Ended at any moment, it can be done again: what was made of posts goes first, the posts themselves last. Raises
    DannError while a training runs, as that still has them in memory. The store's file is left to `PostStore.scrub`.
    """
    with training_lock(data.dir / "train.lock"), store.writing() as writer:
        found = writer.find(selector)
        checkpoints = learned_by(data.checkpoints, found)
        retired = retention.retire(data.checkpoints, checkpoints) if purge and checkpoints else []
        unfinished = _in_runs(data.runs, "resume.safetensors", found)
        derived = [path for name in DERIVED for path in _in_runs(data.runs, name, found)] if purge else []
        for path in (*unfinished, *derived):
            path.unlink(missing_ok=True)
        writer.forget(found.ids)
    return Forgotten(found, checkpoints, retired, [path.parent.name for path in unfinished])


def may_hold(found: Found, made: float | None) -> bool:
    """Whether what was made at a time (Unix seconds, None: unknown) may have learned from posts.

    It cannot if every one of them was written a day or more after that. Otherwise it may: an old post can have been
    imported before or after, and one without a time is as old as any.
    """
    if not found.ids:
        return False
    return made is None or found.oldest is None or bool(found.timeless) or found.oldest <= made + MARGIN_SECONDS


def learned_by(root: Path, found: Found) -> list[str]:
    """Ids of the checkpoints under `root` that may have learned from posts, oldest first."""
    return [id_ for id_ in ids(root) if may_hold(found, _created_at(root / id_))]


def _created_at(folder: Path) -> float | None:
    meta = read_meta(folder)
    return meta.created_at() if meta else None


def _in_runs(runs: Path, name: str, found: Found) -> list[Path]:
    """The files of this name that may hold something of the posts."""
    return [path for path in sorted(runs.glob(f"*/{name}")) if may_hold(found, path.stat().st_mtime)]
