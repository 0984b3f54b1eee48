"""Which posts a training holds out, and on which of them two checkpoints can be compared. Knows no text and no network.

Every training holds out the newest tenth of one's own posts. What a checkpoint held out is noted in its meta.json, and so is
the time of the newest post it knew; a later training therefore knows what an earlier one cannot have learned:

    old    what it held out itself
    new    what is newer than the newest post it knew

A candidate is compared with the incumbent on posts of these two kinds that the candidate holds out as well. As posts come
the newest tenth moves on. The candidate learns what falls out of it, and that is where a retraining finds something fresh:
were everything that the incumbent held out, and everything since, held out again, no retraining would ever learn a new post.

But when many posts come at once, the newest tenth may hold nothing else. A candidate that had learned only them would then be
judged by them alone: 10,000 lines of nonsense would make it excellent at nonsense. So a candidate holds out the newer half of
what the incumbent did, too, wherever the newest tenth has gone, and both have to know those. It is half, so that the older
half is learned, and for one training only: the next holds out half of *this* newest tenth.

A post that is older than the incumbent's newest, and that the incumbent did not hold out, may have been learned or been
imported since. Nothing tells which, so it is never compared on. Posts without a time stand before all others, as they were
read; of them only those that the incumbent held out are known not to be learned.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model.checkpoints.checkpoint import Meta
from training.store.post import Post

VAL_FRACTION = 0.1
"""The newest tenth of one's own posts is held out (docs/training.md): not a setting, so that figures compare."""
DIGITS = 8
"""Hexadecimal digits that a held-out post is noted by: of 100,000 posts hardly one is taken for another."""


@dataclass(frozen=True)
class UnlearnedPosts:
    """Ids of posts that a checkpoint cannot have learned: those it held out, and those that came after it."""

    old: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()


def newest_tenth(posts: Sequence[Post]) -> frozenset[str]:
    """Ids of the newest tenth of one's own posts."""
    mine = sorted_by_age(posts)
    return frozenset(post.id for post in mine[len(mine) - int(len(mine) * VAL_FRACTION) :])


def sorted_by_age(posts: Sequence[Post]) -> list[Post]:
    """One's own posts from old to new; those without a time (plain text) count as older than all others, in their order."""
    return sorted((post for post in posts if post.mine), key=_time)  # which keeps the order of equals


def digests_for_meta(ids: Iterable[str]) -> str:
    """Held-out posts as meta.json notes them: a digest of each id, with spaces between."""
    return " ".join(sorted(map(_digest, ids)))


def unlearned_posts(posts: Sequence[Post], meta: Meta) -> UnlearnedPosts:
    """What of `posts` the checkpoint with this Meta cannot have learned.

    One from before what is held out was noted held out the newest tenth of the posts it knew: they are those up to its
    newest, if there are still as many of them; otherwise posts came or went in between, and `old` is empty.
    """
    mine, newest = sorted_by_age(posts), float("-inf") if meta.newest_post is None else meta.newest_post
    new = frozenset(post.id for post in mine if _time(post) > newest)
    known = [post for post in mine if post.id not in new]
    if meta.held_out is not None:
        digests = set(meta.held_out.split())
        return UnlearnedPosts(frozenset(post.id for post in known if _digest(post.id) in digests), new)
    return UnlearnedPosts(newest_tenth(known) if len(known) == meta.posts else frozenset(), new)


def held_out_for_candidate(posts: Sequence[Post], incumbent: UnlearnedPosts) -> frozenset[str]:
    """What a candidate holds out: the newest tenth, and the newer half of what the incumbent held out."""
    old = [post.id for post in sorted_by_age(posts) if post.id in incumbent.old]
    return newest_tenth(posts) | frozenset(old[len(old) // 2 :])


def _time(post: Post) -> float:
    return float("-inf") if post.time is None else post.time


def _digest(id_: str) -> str:
    return hashlib.sha256(id_.encode()).hexdigest()[:DIGITS]
