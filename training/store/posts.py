"""The store's posts: adding, reading, counting. Knows no export format and no network."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa

from training.store.database import empty_log, explain_errors, is_there, open_database, scrub, writing
from training.store.owners import remember, remembered
from training.store.post import Post
from training.store.selector import Found, Selector, find
from training.store.summary import FETCHED, Summary, count_by_owner, summarize
from training.store.tables import POSTS
from training.store.tombstones import BATCH, add_tombstones, tombstoned_ids


@dataclass(slots=True)
class Added:
    """What adding posts did; `forgotten` ones were taken out for good before, and stay out."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    forgotten: int = 0
    mine: int = 0


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

    def find(self, selector: Selector) -> Found:
        """Which posts a selector means."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return find(connection, selector)

    def text_of(self, id_: str) -> str | None:
        """What the post of this id says by now; None where there is none."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            text: str | None = connection.scalar(sa.select(POSTS.c.text).where(POSTS.c.id == id_))
        return text

    def has_forgotten(self, id_: str) -> bool:
        """Whether the post of this id was taken out for good."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return bool(tombstoned_ids(connection, {id_}))

    def owners(self) -> dict[str, set[str]]:
        """By format, digests of who was named as the owner (owner.py)."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return remembered(connection)

    def scrub(self) -> None:
        """Leave nothing of what was taken out in the database's file. Raises DannError where that must wait."""
        scrub(self._engine)

    def empty_log(self) -> None:
        """Leave nothing of it in what SQLite keeps beside its file, if nobody is reading that now; quick."""
        empty_log(self._engine)

    def posts(self) -> Iterator[Post]:
        """Stream all posts, by channel, then time (those without one first), then the order in which they were read."""
        order = (POSTS.c.channel, POSTS.c.time.is_not(None), POSTS.c.time, POSTS.c.seq)
        query = sa.select(*_columns).order_by(*order).execution_options(yield_per=FETCHED)
        with explain_errors(self._engine), self._engine.connect() as connection:
            for row in connection.execute(query):
                yield Post(*row)

    def count(self) -> tuple[int, int]:
        """How many posts are one's own, and how many are others' beside them."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return count_by_owner(connection)

    def summary(self) -> Summary:
        """Count what there is."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return summarize(connection)


class Writer:
    """Adds posts and takes posts out, within one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, posts: Iterable[Post]) -> Added:
        """Insert what is new, update what was edited since, leave out what was forgotten, count the rest as duplicates.

        A post already there is updated if it differs and is not the older edit of the two. Of one id twice in `posts`,
        the later counts under the same rule. A format that tells of no answers takes none away.
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

    def find(self, selector: Selector) -> Found:
        """Which posts a selector means; none can come until the transaction ends."""
        return find(self._connection, selector)

    def forget(self, ids: Collection[str]) -> int:
        """Take posts out for good, and return how many of these ids there were."""
        return add_tombstones(self._connection, ids)

    def remember_owners(self, source: str, mine: Collection[str], others: Collection[str]) -> None:
        """Keep digests of who was named as the owner in exports of a format; of `others` none is it."""
        remember(self._connection, source, mine, others)

    def _add_batch(self, batch: Sequence[Post], added: Added) -> None:
        if not batch:
            return
        ids = {post.id for post in batch}
        gone = tombstoned_ids(self._connection, ids)
        known = {
            row.id: Post(*row) for row in self._connection.execute(sa.select(*_columns).where(POSTS.c.id.in_(ids)))
        }
        stored = set(known)
        changed: dict[str, Post] = {}
        for read in batch:
            before = known.get(read.id)
            tells_less = before is not None and before.reply_to is not None and read.reply_to is None
            post = replace(read, reply_to=before.reply_to) if before and tells_less else read
            if read.id in gone:
                added.forgotten += 1
            elif _is_news(before, post, added):
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
def open_store(url: str, wait: float | None = None) -> Iterator[PostStore]:
    """The posts of the database at a SQLAlchemy URL; raises DannError where it cannot be opened (database.py).

    `wait`: after so many seconds somebody else's writing counts as a refusal.
    """
    with open_database(url, wait) as engine:
        yield PostStore(engine)


def stored_posts(url: str) -> Iterator[Post]:
    """All posts, as `posts` has them; the store is opened when the first is asked for."""
    with open_store(url) as store:
        yield from store.posts()


def known_owners(url: str, wait: float | None = None) -> dict[str, set[str]]:
    """`PostStore.owners`, and nobody where there is no store yet: this makes none."""
    if not is_there(url):
        return {}
    with open_store(url, wait) as store:
        return store.owners()


def _is_news(before: Post | None, post: Post, added: Added) -> bool:
    """Whether a post is to be written, and count which kind of news it is."""
    if before is None:
        added.new += 1
        added.mine += post.mine
        return True
    if _same(before, post) or (post.edited or 0) < (before.edited or 0):
        added.duplicates += 1
        return False
    added.updated += 1
    return True


def _same(before: Post, after: Post) -> bool:
    return (before.text, before.mine, before.reply_to) == (after.text, after.mine, after.reply_to)
