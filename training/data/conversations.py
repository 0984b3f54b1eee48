"""Split posts into conversations to train on and to hold out. Knows no tokens, no network.

The network reads each conversation from an empty carry: some turns of others, a turn of the owner, and so on.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby

from training.config.tables import DataConfig
from training.store.post import Post

SOLO_POSTS = 8
"""Posts per conversation in a channel with posts of the owner only, where time gaps mean nothing."""


@dataclass(frozen=True, slots=True)
class TrainingTurn:
    """One message as the network reads it.

    A `quoted` turn is repeated before the reply to it, and read but not learned. `alone` marks a channel with posts of the
    owner only.
    """

    mine: bool
    text: str
    val: bool = False
    quoted: bool = False
    alone: bool = False


Conversation = tuple[TrainingTurn, ...]


def split_conversations(posts: Sequence[Post], config: DataConfig, val: AbstractSet[str]) -> Iterator[Conversation]:
    """Split posts, sorted by channel and time, into conversations; mark the owner's in `val`.

    A conversation ends with its channel, after `conversation_gap_minutes` without a post, and between train and val. Of
    others' posts only the `context_turns` before a turn of the owner are kept: enough to learn replying, without training on
    text that dann never writes. A turn that replies to an older message has that message repeated just before it.
    """
    for _, channel in groupby(posts, key=lambda post: post.channel):
        members = list(channel)
        alone = all(post.mine for post in members)
        yield from filter(None, _alone(members, val) if alone else _with_others(members, config, val))


def _alone(posts: Sequence[Post], val: AbstractSet[str]) -> Iterator[Conversation]:
    turns = [TrainingTurn(mine=True, text=post.text, val=post.id in val, alone=True) for post in posts]
    for _, run in groupby(turns, key=lambda turn: turn.val):
        same = tuple(run)
        yield from (same[i : i + SOLO_POSTS] for i in range(0, len(same), SOLO_POSTS))


def _with_others(posts: Sequence[Post], config: DataConfig, val: AbstractSet[str]) -> Iterator[Conversation]:
    by_id = {post.id: post for post in posts}
    turns: list[TrainingTurn] = []
    others: list[Post] = []  # since the owner's last turn
    for before, post in zip([None, *posts], posts, strict=False):
        if before and _seconds_between(before, post) > 60 * config.conversation_gap_minutes:
            yield tuple(turns)
            turns, others = [], []
        if not post.mine:
            others.append(post)
            continue
        context = others[max(0, len(others) - config.context_turns) :]
        if turns and (len(context) < len(others) or turns[-1].val != (post.id in val)):
            yield tuple(turns)
            turns = []
        turns += _reply_turns(post, context, by_id.get(post.reply_to or ""), in_val=post.id in val)
        others = []
    yield tuple(turns)


def _reply_turns(
    post: Post, context: Sequence[Post], replied_to: Post | None, *, in_val: bool
) -> Iterator[TrainingTurn]:
    """Yield the context, the message replied to unless that is its last, and the owner's turn."""
    for other in context:
        yield TrainingTurn(mine=False, text=other.text, val=in_val)
    if replied_to and (not context or context[-1].id != replied_to.id):
        yield TrainingTurn(mine=replied_to.mine, text=replied_to.text, val=in_val, quoted=True)
    yield TrainingTurn(mine=True, text=post.text, val=in_val)


def _seconds_between(before: Post, after: Post) -> float:
    """Return the seconds between two posts, 0 if either has no time: those are in import order."""
    return after.time - before.time if before.time is not None and after.time is not None else 0.0
