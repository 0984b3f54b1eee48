"""The store's posts: adding, reading, counting. Knows no export format and no network."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from training.post import Post
from training.store.database import opened, told, writing
from training.store.tables import POSTS

BATCH = 500
"""Posts a statement: below SQLite's oldest limit of 999 parameters in one."""
FETCHED = 1000
"""Posts held at a time while reading."""


@dataclass(slots=True)
class Added:
    """What adding posts did."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    mine: int = 0


@dataclass(frozen=True)
class Summary:
    """What the store holds; `bytes` is the text's UTF-8 size, `first` and `last` Unix seconds."""

    mine: int
    context: int
    sources: dict[str, int]
    first: float | None
    last: float | None
    bytes: int
    lengths: dict[str, int]


_columns = [POSTS.c[field.name] for field in fields(Post)]


class PostStore:
    """The posts of one data folder. Open with `open_store`, which also closes it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Write many posts as one transaction: all of them are in when the block ends, none if it raises."""
        with writing(self._engine) as connection:
            yield Writer(connection)

    def posts(self) -> Iterator[Post]:
        """Stream all posts, by channel, then time (those without one first), then the order in which they were read."""
        order = (POSTS.c.channel, POSTS.c.time.is_not(None), POSTS.c.time, POSTS.c.seq)
        query = sa.select(*_columns).order_by(*order).execution_options(yield_per=FETCHED)
        with told(self._engine), self._engine.connect() as connection:
            for row in connection.execute(query):
                yield Post(*row)

    def count(self) -> tuple[int, int]:
        """How many posts are one's own, and how many are others' beside them."""
        with told(self._engine), self._engine.connect() as connection:
            return _by_owner(connection)

    def summary(self) -> Summary:
        """Count, without holding more than the lengths of one's own posts."""
        with told(self._engine), self._engine.connect() as connection:
            own, context = _by_owner(connection)
            sources = dict(_pairs(connection, sa.select(POSTS.c.source, sa.func.count()).group_by(POSTS.c.source)))
            span = connection.execute(sa.select(sa.func.min(POSTS.c.time), sa.func.max(POSTS.c.time))).one()
            texts = sa.select(POSTS.c.text, POSTS.c.mine).execution_options(yield_per=FETCHED)
            size, lengths = 0, []
            for text, mine in connection.execute(texts):
                size += len(text.encode())
                if mine:
                    lengths.append(len(text))
        return Summary(
            mine=own,
            context=context,
            sources=sources,
            first=span[0],
            last=span[1],
            bytes=size,
            lengths=_quantiles(lengths),
        )


class Writer:
    """Adds posts within one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, posts: Iterable[Post]) -> Added:
        """Insert what is new, update what was edited since, count the rest as duplicates.

        A post already there is updated if it differs and is not the older edit of the two. Of one id twice in `posts`,
        the later counts under the same rule.
        """
        added = Added()
        batch: list[Post] = []
        for post in posts:
            batch.append(post)
            if len(batch) == BATCH:
                self._add_batch(batch, added)
                batch = []
        self._add_batch(batch, added)
        return added

    def _add_batch(self, batch: Sequence[Post], added: Added) -> None:
        if not batch:
            return
        ids = {post.id for post in batch}
        known = {
            row.id: Post(*row) for row in self._connection.execute(sa.select(*_columns).where(POSTS.c.id.in_(ids)))
        }
        stored = set(known)
        changed: dict[str, Post] = {}
        for post in batch:
            before = known.get(post.id)
            if before is None:
                added.new += 1
                added.mine += post.mine
            elif _same(before, post) or (post.edited or 0) < (before.edited or 0):
                added.duplicates += 1
                continue
            else:
                added.updated += 1
            known[post.id] = changed[post.id] = post
        new = [_row(post) for post in changed.values() if post.id not in stored]
        edits = [_row(post, "new_") for post in changed.values() if post.id in stored]
        if new:
            self._connection.execute(POSTS.insert(), new)
        if edits:
            self._connection.execute(_UPDATE, edits)


_UPDATE = (
    POSTS.update()
    .where(POSTS.c.id == sa.bindparam("new_id"))
    .values({column.name: sa.bindparam(f"new_{column.name}") for column in _columns if column.name != "id"})
)


def _row(post: Post, prefix: str = "") -> dict[str, Any]:
    return {prefix + column.name: getattr(post, column.name) for column in _columns}


@contextmanager
def open_store(url: str) -> Iterator[PostStore]:
    """The posts of the database at a SQLAlchemy URL; raises DannError where it cannot be opened (database.py)."""
    with opened(url) as engine:
        yield PostStore(engine)


def _same(before: Post, after: Post) -> bool:
    return (before.text, before.mine, before.reply_to) == (after.text, after.mine, after.reply_to)


def _by_owner(connection: sa.Connection) -> tuple[int, int]:
    found = dict(_pairs(connection, sa.select(POSTS.c.mine, sa.func.count()).group_by(POSTS.c.mine)))
    return found.get(True, 0), found.get(False, 0)


def _pairs(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[tuple[Any, Any]]:
    return ((row[0], row[1]) for row in connection.execute(query))


def _quantiles(lengths: list[int]) -> dict[str, int]:
    """Return the median, the 90 % and the longest of some lengths, in characters; empty for none."""
    if not lengths:
        return {}
    lengths.sort()
    return {"median": lengths[len(lengths) // 2], "p90": lengths[len(lengths) * 9 // 10], "longest": lengths[-1]}
