"""Select posts by text, id, source or age. Changes nothing."""

import unicodedata
from dataclasses import dataclass, field

import sqlalchemy as sa

from training.store.summary import ROWS_PER_FETCH
from training.store.tables import POSTS, TIME


@dataclass(frozen=True)
class Selector:
    """A selection of posts; exactly one field is set.

    `contains` ignores case and how Unicode composes a letter. `before` is Unix seconds; it matches no post without a
    time. `channel` takes a chat's topics too. `authors` are keyed digests.
    """

    contains: str | None = None
    id: str | None = None
    source: str | None = None
    before: float | None = None
    channel: str | None = None
    authors: frozenset[str] | None = None


@dataclass
class SelectedPosts:
    """The selected posts; `oldest` and `newest` are Unix seconds, and leave out posts without a time.

    `lowest_seq` is the lowest number that one of them has in the store, None where there are none.
    """

    ids: list[str] = field(default_factory=list)
    mine: int = 0
    without_time: int = 0
    oldest: float | None = None
    newest: float | None = None
    lowest_seq: int | None = None


def select_posts(connection: sa.Connection, selector: Selector) -> SelectedPosts:
    """Select posts, holding only their ids in memory."""
    query = sa.select(POSTS.c.id, POSTS.c.mine, TIME, POSTS.c.text, POSTS.c.seq)
    if selector.id is not None:
        query = query.where(POSTS.c.id == selector.id)
    elif selector.source is not None:
        query = query.where(POSTS.c.source == selector.source)
    elif selector.channel is not None:
        query = query.where(in_channel(selector.channel))
    elif selector.authors is not None:
        query = query.where(POSTS.c.author.in_(selector.authors))
    elif selector.contains is None:
        query = query.where(POSTS.c.time < selector.before)
    wanted = _folded(selector.contains or "")
    posts = SelectedPosts()
    for id_, mine, time, text, seq in connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)):
        if wanted and wanted not in _folded(text):  # searched here, because databases ignore case only for a-z
            continue
        posts.ids.append(id_)
        posts.mine += mine
        posts.lowest_seq = seq if posts.lowest_seq is None else min(posts.lowest_seq, seq)
        if time is None:
            posts.without_time += 1
        else:
            posts.oldest = time if posts.oldest is None else min(posts.oldest, time)
            posts.newest = time if posts.newest is None else max(posts.newest, time)
    return posts


def in_channel(channel: str) -> sa.ColumnElement[bool]:
    """Return the condition that a post is in a channel or one of its topics."""
    return sa.or_(POSTS.c.channel == channel, POSTS.c.channel.startswith(f"{channel}:", autoescape=True))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
