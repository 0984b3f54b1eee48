"""The posts of a store, made ready to learn from: conversations, the split by time, near-duplicates taken out."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from model.errors import DannError
from training.config.tables import DataConfig
from training.data.conversations import Conversation, conversations
from training.data.near_duplicates import NearDuplicates
from training.data.split import newest_tenth
from training.store.post import Post

FEWEST_POSTS = 20
"""Below this there is nothing to learn from."""
FEW_POSTS = 1000
"""Below this a voice is learned only roughly, and the network is kept smaller."""


@dataclass(frozen=True)
class Corpus:
    """The conversations to learn from and those held out; `posts` are one's own, in both, `held_out` the ids in `val`.

    `near_duplicates` is how many of one's own posts were left out of train for saying what a held-out one says.
    """

    train: list[Conversation]
    val: list[Conversation]
    posts: int
    newest_post: float | None
    near_duplicates: int
    held_out: AbstractSet[str]


def own_texts(conversations: Sequence[Conversation]) -> list[str]:
    """The texts of one's own turns, in order."""
    return [turn.text for conversation in conversations for turn in conversation if turn.mine and not turn.quoted]


def build_corpus(posts: Sequence[Post], config: DataConfig, held_out: AbstractSet[str] | None = None) -> Corpus:
    """Make a corpus of posts sorted by channel and time, holding out one's own of these ids, or the newest tenth.

    Raises DannError if they are too few to learn from.
    """
    mine = [post for post in posts if post.mine]
    if len(mine) < FEWEST_POSTS:
        raise DannError(
            f"the store holds {len(mine)} posts of yours and learning a voice takes {FEWEST_POSTS} at the very least "
            f"({FEW_POSTS:,} to do it well); import more with `dann import PATH`"
        )
    held_out = newest_tenth(posts) if held_out is None else held_out
    found = cut_conversations(posts, config, held_out)
    val = [conversation for conversation in found if conversation[-1].val]
    train = [conversation for conversation in found if not conversation[-1].val]
    kept = _without(NearDuplicates(own_texts(val)), train)
    left_out = len(own_texts(train)) - len(own_texts(kept))
    if left_out > len(own_texts(train)) // 2:  # somebody who says little else: then repeating it is the voice
        kept, left_out = train, 0
    newest = max((post.time for post in mine if post.time is not None), default=None)
    return Corpus(kept, val, len(mine), newest, left_out, held_out)


def cut_conversations(posts: Sequence[Post], config: DataConfig, val: AbstractSet[str]) -> list[Conversation]:
    """`conversations` as the settings have it."""
    return list(conversations(posts, config.conversation_gap_minutes * 60, config.context_turns, val))


def _without(held_out: NearDuplicates, train: Sequence[Conversation]) -> list[Conversation]:
    kept = (tuple(turn for turn in c if not (turn.mine and turn.text in held_out)) for c in train)
    return [conversation for conversation in kept if any(turn.mine for turn in conversation)]
