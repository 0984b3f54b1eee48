"""Held-out posts, and those on which two checkpoints can be compared. Knows no network.

Every training holds out the newest tenth of the owner's posts. A checkpoint's meta.json records its held-out posts and the
time of its newest post, so a later training knows which posts an earlier one cannot have learned:

    old    posts that it held out itself
    new    posts newer than its newest post

A candidate is compared with the incumbent on those posts of both kinds that the candidate holds out too. As posts are added,
the newest tenth moves on, and the candidate learns the posts that leave it. If everything that the incumbent held out, and
everything since, were held out again, no retraining would ever learn a new post.

When many posts are added at once, though, the newest tenth may hold nothing else. A candidate trained on such posts would be
scored on them alone: 10,000 lines of nonsense would make it excellent at nonsense. So a candidate also holds out the newer
half of the incumbent's held-out posts, wherever the newest tenth is now, and both are scored on those. Only half, so that the
older half is learned, and for one training only: the next holds out half of *this* newest tenth.

A post that is older than the incumbent's newest, and that the incumbent did not hold out, was either learned or imported
later. Its number in the store tells which, where the checkpoint noted up to which it read. Such a post is never compared on:
checkpoints of earlier versions have no such note, and then it is not known. Posts without a time sort before all others, in
import order.

The newest tenth reaches back into what a checkpoint has learned when older posts are imported, or newer ones are deleted.
What it has learned is held out neither in its evaluation nor by a candidate, which may begin with its weights: their figures
would say how well posts are remembered.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model.checkpoints.checkpoint import Meta
from training.store.post import Post

VAL_FRACTION = 0.1
"""The newest tenth of the owner's posts is held out (not a setting, so that scores compare; see docs/training.md)."""
DIGEST_DIGITS = 8
"""Hexadecimal digits stored per held-out post: among 100,000 posts collisions are about one."""


@dataclass(frozen=True)
class UnlearnedPosts:
    """Ids of posts that a checkpoint cannot have learned: those it held out, and newer ones.

    It read none above `highest_seq` either, the store's number; None where that is not known.
    """

    old: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()
    highest_seq: int | None = None

    def may_be_learned(self, post: Post) -> bool:
        """Whether the checkpoint may have learned a post, the owner's or another's."""
        unread = self.highest_seq is not None and post.seq > self.highest_seq
        return not unread and post.id not in self.old and post.id not in self.new


def newest_tenth(posts: Sequence[Post]) -> frozenset[str]:
    """Return the ids of the newest tenth of the owner's posts."""
    mine = sorted_by_age(posts)
    return frozenset(post.id for post in mine[len(mine) - int(len(mine) * VAL_FRACTION) :])


def sorted_by_age(posts: Sequence[Post]) -> list[Post]:
    """Sort the owner's posts by age; those without a time (plain text) come first, in order."""
    return sorted((post for post in posts if post.mine), key=_time)  # a stable sort


def digests_for_meta(ids: Iterable[str]) -> str:
    """Return the held-out posts as meta.json stores them: a digest of each id, joined by spaces."""
    return " ".join(sorted(map(_digest, ids)))


def ids_of_digests(posts: Iterable[Post], digests: str) -> frozenset[str]:
    """Return the ids of those posts that `digests_for_meta` was given."""
    wanted = set(digests.split())
    return frozenset(post.id for post in posts if _digest(post.id) in wanted)


def unlearned_posts(posts: Sequence[Post], meta: Meta) -> UnlearnedPosts:
    """Return which of `posts` the checkpoint with this Meta cannot have learned.

    Checkpoints from before `held_out` was recorded held out the newest tenth of their posts. Those are the posts up to its
    newest, if their number is unchanged; otherwise posts were added or deleted in between, and `old` is empty.
    """
    mine, newest = sorted_by_age(posts), float("-inf") if meta.newest_post is None else meta.newest_post
    new = frozenset(post.id for post in mine if _time(post) > newest)
    known = [post for post in mine if post.id not in new]
    if meta.held_out is not None:
        old = ids_of_digests(known, meta.held_out)
    else:
        old = newest_tenth(known) if len(known) == meta.posts else frozenset()
    return UnlearnedPosts(old, new, meta.highest_seq)


def held_out_for_candidate(posts: Sequence[Post], incumbent: UnlearnedPosts) -> frozenset[str]:
    """Return the ids a candidate holds out: the newest tenth and the incumbent's newer half.

    Of the newest tenth only what the incumbent has not learned, where that is known and leaves any.
    """
    mine = sorted_by_age(posts)
    old = [post.id for post in mine if post.id in incumbent.old]
    newest, half = newest_tenth(mine), frozenset(old[len(old) // 2 :])
    if incumbent.highest_seq is None:
        return newest | half
    learned = frozenset(post.id for post in mine if incumbent.may_be_learned(post))
    return (newest - learned) | half or newest


def _time(post: Post) -> float:
    return float("-inf") if post.time is None else post.time


def _digest(id_: str) -> str:
    return hashlib.sha256(id_.encode()).hexdigest()[:DIGEST_DIGITS]
