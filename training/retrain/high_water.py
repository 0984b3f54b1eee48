"""The high-water mark: which posts a training has seen already, so that the same ones are not learned again for nothing.

It is taken before a training begins: what arrives meanwhile counts the next time. A checkpoint that was refused, or
rolled back from, has seen its posts all the same: what nobody wanted would otherwise come back the next night. One whose
run failed has not; the posts it read are still to be learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints.folder import ids, read_meta
from training.store.post import Post
from training.store.runs import RetrainRun


@dataclass(frozen=True)
class HighWaterMark:
    """The newest post that any training has seen, in Unix seconds, and how many of one's own there were then."""

    newest_post: float | None = None
    posts: int = 0


def mark_of(posts: Sequence[Post]) -> HighWaterMark:
    """The mark of a training that begins with these posts."""
    mine = [post for post in posts if post.mine]
    return HighWaterMark(max((post.time for post in mine if post.time is not None), default=None), len(mine))


def high_water(root: Path, runs: Sequence[RetrainRun]) -> HighWaterMark:
    """The furthest mark of all checkpoints under `root` and all runs that brought one; of equal times, the last counts."""
    candidates = {run.candidate for run in runs}
    by_hand = [
        (meta.created_at() or 0.0, HighWaterMark(meta.newest_post, meta.posts))
        for id_ in ids(root)
        if id_ not in candidates and (meta := read_meta(root / id_))
    ]
    trained = [
        (run.started, HighWaterMark(run.newest_post, run.posts))
        for run in runs
        if run.verdict in {"published", "refused"} and run.posts is not None
    ]
    newest_first = sorted([*by_hand, *trained], key=lambda found: found[0], reverse=True)
    return max((mark for _, mark in newest_first), key=_time, default=HighWaterMark())


def new_since(posts: Sequence[Post], mark: HighWaterMark) -> int:
    """How many posts of one's own are new: newer than the mark, or more than there were then, whichever is more.

    The second counts what came late: an older export, or plain text, whose posts have no time.
    """
    mine = [post for post in posts if post.mine]
    newer = sum(post.time is not None and post.time > _time(mark) for post in mine)
    return max(newer, len(mine) - mark.posts)


def _time(mark: HighWaterMark) -> float:
    return float("-inf") if mark.newest_post is None else mark.newest_post
