"""Delete posts for good, from the store and from files derived from them. Knows no terminal.

A checkpoint holds no post, but a network can repeat one, and so can its samples. A checkpoint's meta notes up to which number
of the store it learned; of older ones, and of runs, it is decided by their age (`may_have_learned`).
"""

from dataclasses import dataclass
from pathlib import Path

from model.checkpoints import retention
from model.checkpoints.atomic_files import explain_disk_errors
from model.checkpoints.folder import Meta, ids, read_meta
from training.config.tables import DataConfig
from training.lock import training_lock
from training.store.posts import PostStore
from training.store.selector import SelectedPosts, Selector

CLOCK_MARGIN_SECONDS = 86_400.0
"""Exports with local times are off by up to 14 hours, and clocks may be wrong."""

DERIVED_FILES = ("samples.txt", "tokenizer.json")
"""Files of a run that may contain posts or pieces of them; a finished run does not need them."""


@dataclass(frozen=True)
class ForgetResult:
    """The deleted posts, and the `checkpoints` and unfinished `runs` that may derive from them.

    The runs can no longer be resumed. `retired` are the checkpoints to be removed after the next publish.
    """

    posts: SelectedPosts
    checkpoints: list[str]
    retired: list[str]
    runs: list[str]


def forget(store: PostStore, data: DataConfig, selector: Selector, *, purge: bool) -> ForgetResult:
    """Delete posts for good; with `purge` also derived files and, later, checkpoints.

    Checkpoints are removed once another is published. If interrupted, it can be repeated: derived files are deleted first,
    the posts last. Raises DannError while a training runs, which still has the posts in memory. `PostStore.scrub` clears the
    database's file afterwards.
    """
    with training_lock(data.dir / "train.lock"), store.writing() as writer:
        posts = writer.find(selector)
        checkpoints = checkpoints_to_forget(data.checkpoints, posts)
        retired = retention.retire(data.checkpoints, checkpoints) if purge and checkpoints else []
        runs = remove_derived(data, posts, purge=purge)
        writer.forget(posts.ids)
    return ForgetResult(posts, checkpoints, retired, runs)


def remove_derived(data: DataConfig, posts: SelectedPosts, *, purge: bool) -> list[str]:
    """Remove what was made of posts outside the store and may hold them; return the runs that cannot be resumed any more.

    Every further kind of file that is made of posts belongs here, but for the index of what a checkpoint may not recite
    (guarding.py): it is hashes, and guards the posts until the network that learned them is gone. With `purge` also files
    that only may hold pieces of them. Raises DannError where one cannot be removed.
    """
    unfinished = _run_files(data.runs, "resume.safetensors", posts)
    derived = [path for name in DERIVED_FILES for path in _run_files(data.runs, name, posts)] if purge else []
    for path in (*unfinished, *derived):
        with explain_disk_errors(path):
            path.unlink(missing_ok=True)
    return [path.parent.name for path in unfinished]


def may_have_learned(posts: SelectedPosts, made: float | None) -> bool:
    """Return whether a file made at a time (Unix seconds or None) may derive from posts.

    It cannot if all of them were written a day or more after that. Otherwise it may: an old post can have been imported
    before or after, and one without a time may be of any age.
    """
    if not posts.ids:
        return False
    return (
        made is None or posts.oldest is None or bool(posts.without_time) or posts.oldest <= made + CLOCK_MARGIN_SECONDS
    )


def checkpoints_to_forget(root: Path, posts: SelectedPosts) -> list[str]:
    """Return the ids of checkpoints that may have learned from posts, oldest first."""
    metas = {id_: read_meta(root / id_) for id_ in ids(root)}
    return [id_ for id_, meta in metas.items() if has_read(meta, posts)]


def has_read(meta: Meta | None, posts: SelectedPosts) -> bool:
    """Return whether a checkpoint may have learned from posts: by their numbers in the store, or else by its age."""
    if meta is None or meta.highest_seq is None or posts.lowest_seq is None:
        return may_have_learned(posts, meta.created_at() if meta else None)
    return posts.lowest_seq <= meta.highest_seq


def _run_files(runs: Path, name: str, posts: SelectedPosts) -> list[Path]:
    """Return the files of this name that may derive from posts."""
    return [path for path in sorted(runs.glob(f"*/{name}")) if may_have_learned(posts, path.stat().st_mtime)]
