"""Posts to conversations: who answered what, cut into train and val. Knows no tokens and no network.

A conversation is what the network reads from an empty carry: some turns of others, a turn of one's own, and so on.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby

from training.store.post import Post

ALONE_RUN = 8
"""Posts in a conversation where nobody else is ever heard, so that a gap in time says nothing."""


@dataclass(frozen=True, slots=True)
class TrainingTurn:
    """One message as the network reads it. `quoted`: repeated before the answer to it, so it is read but not learned."""

    mine: bool
    text: str
    val: bool = False
    quoted: bool = False
    alone: bool = False


Conversation = tuple[TrainingTurn, ...]


def conversations(
    posts: Sequence[Post], gap_seconds: float, context_turns: int, val: AbstractSet[str]
) -> Iterator[Conversation]:
    """Cut posts, sorted by channel and then time, into conversations; those of one's own with an id in `val` are marked so.

    A conversation ends where the channel does, where nobody wrote for `gap_seconds`, and between train and val. Of the
    others only the `context_turns` before a turn of one's own stay: enough to learn answering, and no minutes spent on
    what dann never says. A turn of one's own that answers an older message has that message repeated just before it.
    """
    for _, channel in groupby(posts, key=lambda post: post.channel):
        members = list(channel)
        alone = all(post.mine for post in members)
        found = _alone(members, val) if alone else _together(members, val, gap_seconds, context_turns)
        yield from (conversation for conversation in found if conversation)


def _alone(posts: Sequence[Post], val: AbstractSet[str]) -> Iterator[Conversation]:
    turns = [TrainingTurn(mine=True, text=post.text, val=post.id in val, alone=True) for post in posts]
    for _, run in groupby(turns, key=lambda turn: turn.val):
        same = tuple(run)
        yield from (same[i : i + ALONE_RUN] for i in range(0, len(same), ALONE_RUN))


def _together(posts: Sequence[Post], val: AbstractSet[str], gap: float, context_turns: int) -> Iterator[Conversation]:
    by_id = {post.id: post for post in posts}
    turns: list[TrainingTurn] = []
    heard: list[Post] = []  # what others wrote since one's own last turn
    for before, post in zip([None, *posts], posts, strict=False):
        if before and _seconds_between(before, post) > gap:
            yield tuple(turns)
            turns, heard = [], []
        if not post.mine:
            heard.append(post)
            continue
        context = heard[max(0, len(heard) - context_turns) :]
        if turns and (len(context) < len(heard) or turns[-1].val != (post.id in val)):
            yield tuple(turns)
            turns = []
        turns += _answer(post, context, by_id.get(post.reply_to or ""), in_val=post.id in val)
        heard = []
    yield tuple(turns)


def _answer(post: Post, context: Sequence[Post], answered: Post | None, *, in_val: bool) -> Iterator[TrainingTurn]:
    """What others said, the message that is answered if it was not the last of it, and one's own turn."""
    for other in context:
        yield TrainingTurn(mine=False, text=other.text, val=in_val)
    if answered and (not context or context[-1].id != answered.id):
        yield TrainingTurn(mine=answered.mine, text=answered.text, val=in_val, quoted=True)
    yield TrainingTurn(mine=True, text=post.text, val=in_val)


def _seconds_between(before: Post, after: Post) -> float:
    """0 where either has no time: such posts stand in the order in which they were read."""
    return after.time - before.time if before.time is not None and after.time is not None else 0.0
