"""The training corpus: conversations split by time, without near-duplicates."""

import hashlib
import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from model.checkpoints.checkpoint import Meta
from model.errors import DannError
from training.config.tables import DataConfig
from training.data.conversations import Conversation, split_conversations
from training.data.near_duplicates import NearDuplicates
from training.data.split import newest_tenth, unlearned_posts
from training.store.post import Post

MIN_POSTS = 20
"""Fewest posts of the owner that can be trained on."""
FEW_POSTS = 1000
"""Below this a voice is learned only roughly, and a smaller network is used."""


@dataclass(frozen=True)
class Corpus:
    """The conversations to train on and those held out.

    `posts` counts the owner's posts in both, `held_out` has the ids in `val`, and `near_duplicates` counts the owner's posts
    removed from `train` because they nearly repeat a held-out one. `highest_seq` is the highest number in the store of any
    post that was read, None for posts that are not from there.
    """

    train: list[Conversation]
    val: list[Conversation]
    posts: int
    newest_post: float | None
    near_duplicates: int
    held_out: AbstractSet[str]
    highest_seq: int | None = None


def own_texts(conversations: Sequence[Conversation]) -> list[str]:
    """Return the texts of the owner's turns, in order."""
    return [turn.text for conversation in conversations for turn in conversation if turn.mine and not turn.quoted]


def build_corpus(
    posts: Sequence[Post],
    config: DataConfig,
    held_out: AbstractSet[str] | None = None,
    left_out: AbstractSet[str] = frozenset(),
) -> Corpus:
    """Build a corpus of posts sorted by channel and time, by default holding out the newest tenth; DannError for too few.

    Own posts of `left_out` are in neither part, and end a conversation of the training part as held-out ones do.
    """
    mine = [post for post in posts if post.mine]
    if len(mine) < MIN_POSTS:
        raise DannError(
            f"the store holds {len(mine)} posts of yours and learning a voice takes {MIN_POSTS} at the very least "
            f"({FEW_POSTS:,} to do it well); import more with `dann import PATH`"
        )
    held_out = newest_tenth(posts) if held_out is None else held_out
    conversations = list(split_conversations(posts, config, held_out))
    val = [conversation for conversation in conversations if conversation[-1].val]
    if left_out:
        conversations = list(split_conversations(posts, config, held_out | left_out))
    train = [conversation for conversation in conversations if not conversation[-1].val]
    distinct = without_near_duplicates(train, val)
    removed = len(own_texts(train)) - len(own_texts(distinct))
    if removed > len(own_texts(train)) // 2:  # an owner who repeats most posts: then repetition is the voice
        distinct, removed = train, 0
    newest = max((post.time for post in mine if post.time is not None), default=None)
    highest = max((post.seq for post in posts), default=0) or None
    return Corpus(distinct, val, len(mine), newest, removed, held_out, highest)


def corpus_to_evaluate(posts: Sequence[Post], meta: Meta, config: DataConfig) -> Corpus:
    """Build the corpus that a checkpoint is evaluated on: held out is what it has not learned of the newest tenth.

    The training part is what it may have learned. A checkpoint from before `held_out` was recorded is taken to have learned
    all but the newest tenth.
    """
    if meta.held_out is None:
        return build_corpus(posts, config)
    unlearned = unlearned_posts(posts, meta)
    unread = frozenset(post.id for post in posts if post.mine and not unlearned.may_be_learned(post))
    held_out = newest_tenth(posts) & unread
    return build_corpus(posts, config, held_out, unread - held_out)


def without_near_duplicates(train: Sequence[Conversation], val: Sequence[Conversation]) -> list[Conversation]:
    """Take the owner's turns that nearly repeat one of `val` out of `train`, with conversations that had no other."""
    held_out = NearDuplicates(own_texts(val))
    distinct = (tuple(turn for turn in c if not (turn.mine and turn.text in held_out)) for c in train)
    return [conversation for conversation in distinct if any(turn.mine for turn in conversation)]


def corpus_digest(corpus: Corpus) -> str:
    """SHA-256 over every turn of both parts, and whether the owner wrote it: all that settings make of posts."""
    parts = [
        [[(turn.mine, turn.quoted, turn.text) for turn in conversation] for conversation in part]
        for part in (corpus.train, corpus.val)
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
