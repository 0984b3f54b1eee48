"""High-water mark of the posts that earlier trainings have seen, to count new ones.

It is taken before a training starts: posts that arrive meanwhile count next time. A checkpoint that was refused or rolled
back has seen its posts all the same; otherwise the next night would bring it back. One whose run failed has not; its posts
are still to be learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints.folder import ids, read_meta
from training.store.post import END_OF_DATES, Post
from training.store.runs import RetrainRun


@dataclass(frozen=True)
class HighWaterMark:
    """What a training had seen: the time of the newest post, and the number of own posts."""

    newest_post: float | None = None
    posts: int = 0


def mark_of(posts: Sequence[Post]) -> HighWaterMark:
    """The mark of a training that starts with these posts."""
    mine = [post for post in posts if post.mine]
    return HighWaterMark(max((post.time for post in mine if post.time is not None), default=None), len(mine))


def high_water(root: Path, runs: Sequence[RetrainRun]) -> HighWaterMark:
    """The highest mark of all checkpoints under `root` and all judged candidates; of equal times, the last training's."""
    candidates = {run.candidate for run in runs}
    trained_by_hand = [
        (meta.created_at() or 0.0, HighWaterMark(meta.newest_post, meta.posts))
        for id_ in ids(root)
        if id_ not in candidates and (meta := read_meta(root / id_))
    ]
    retrained = [
        (run.started, HighWaterMark(run.newest_post, run.posts))
        for run in runs
        if run.verdict in {"published", "refused"} and run.posts is not None
    ]
    newest_first = sorted([*trained_by_hand, *retrained], key=lambda timed: timed[0], reverse=True)
    return max((mark for _, mark in newest_first), key=_time, default=HighWaterMark())


def new_since(posts: Sequence[Post], mark: HighWaterMark) -> int:
    """Count one's own new posts: those newer than the mark, or the increase if that is more.

    The increase catches what arrived late: an older export, or plain text, whose posts have no time.
    """
    mine = [post for post in posts if post.mine]
    newer = sum(post.time is not None and post.time > _time(mark) for post in mine)
    return max(newer, len(mine) - mark.posts)


def _time(mark: HighWaterMark) -> float:
    newest = mark.newest_post
    # Trainings of earlier versions may have seen a post of a later time, such as infinity.
    return newest if newest is not None and newest < END_OF_DATES else float("-inf")
