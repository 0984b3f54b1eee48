"""Add, read, count and forget posts in the store. Knows no export format and no network."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from training.store.choices import read_choices, write_choices
from training.store.database import empty_log, explain_errors, open_database, scrub, store_exists, writing
from training.store.post import Post
from training.store.selector import SelectedPosts, Selector, in_channel, select_posts
from training.store.stored_choices import StoredChoices
from training.store.summary import ROWS_PER_FETCH, Summary, count_by_channel, count_by_owner, summarize
from training.store.tables import FORGOTTEN, FORGOTTEN_CHANNELS, OWNERS, POSTS

T = TypeVar("T")

BATCH_SIZE = 500
"""Ids per statement: below 999, the smallest parameter limit of any SQLite."""


@dataclass(slots=True)
class AddResult:
    """Counts of added posts; `forgotten` ones were deleted for good before and stay deleted."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    forgotten: int = 0
    mine: int = 0


@dataclass(frozen=True)
class Remembered:
    """What earlier imports were told: digests of the owner's ids by format (posts/owner.py), and which chats to read."""

    owners: dict[str, set[str]] = field(default_factory=dict)
    choices: StoredChoices = field(default_factory=StoredChoices)


_columns = [POSTS.c[column.name] for column in fields(Post) if column.name in POSTS.c]


class PostStore:
    """The posts of one data folder, opened and closed by `open_store`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Open one transaction: all changes are saved when the block ends, none if it raises."""
        with writing(self._engine) as connection:
            yield Writer(connection)

    def find(self, selector: Selector) -> SelectedPosts:
        """Return the posts that a selector matches."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return select_posts(connection, selector)

    def text_of(self, id_: str) -> str | None:
        """Return the current text of a post, or None if there is no such post."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            text: str | None = connection.scalar(sa.select(POSTS.c.text).where(POSTS.c.id == id_))
        return text

    def has_forgotten(self, id_: str) -> bool:
        """Return whether a post was deleted for good."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return bool(_among(connection, FORGOTTEN.c.id, {id_}))

    def owners(self) -> dict[str, set[str]]:
        """Return digests of the authors known to be the owner, by format (posts/owner.py)."""
        digests: dict[str, set[str]] = {}
        with explain_errors(self._engine), self._engine.connect() as connection:
            for source, digest in connection.execute(sa.select(OWNERS.c.source, OWNERS.c.digest)):
                digests.setdefault(source, set()).add(digest)
        return digests

    def choices(self) -> StoredChoices:
        """Return which chats were chosen and kept out."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return read_choices(connection)

    def scrub(self) -> None:
        """Remove all traces of deleted posts from the database's file. Raises DannError if busy."""
        scrub(self._engine)

    def empty_log(self) -> None:
        """Empty SQLite's log beside the file, if nobody reads it now; quick."""
        empty_log(self._engine)

    def posts(self) -> Iterator[Post]:
        """Stream all posts by channel, then time (those without one first), then import order."""
        order = (POSTS.c.channel, POSTS.c.time.is_not(None), POSTS.c.time, POSTS.c.seq)
        query = sa.select(*_columns).order_by(*order).execution_options(yield_per=ROWS_PER_FETCH)
        with explain_errors(self._engine), self._engine.connect() as connection:
            for row in connection.execute(query):
                yield Post(*row)

    def count(self) -> tuple[int, int]:
        """Count the owner's posts, and those of others."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return count_by_owner(connection)

    def channels(self) -> list[tuple[str, int, int]]:
        """Return each channel with the counts of the owner's posts and of others', those with the most posts first."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return count_by_channel(connection)

    def summary(self) -> Summary:
        """Return the store's counts, time span and size."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return summarize(connection)


class Writer:
    """Adds and deletes posts within one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, posts: Iterable[Post]) -> AddResult:
        """Insert new posts, update edited ones, skip forgotten ones, count the rest as duplicates.

        A stored post is updated if the new one differs and is not an older edit. For an id that is twice in `posts` the same
        rule applies. A `reply_to` is never removed: some formats have none.
        """
        added = AddResult()
        for batch in in_batches(posts):
            self._add_batch(batch, added)
        return added

    def find(self, selector: Selector) -> SelectedPosts:
        """Return the posts that a selector matches; no post is added until the transaction ends."""
        return select_posts(self._connection, selector)

    def forget(self, ids: Collection[str]) -> int:
        """Delete posts for good, keeping their ids, which no import restores; return how many of these ids existed."""
        return sum(self._forget_batch(batch) for batch in in_batches(ids))

    def among_forgotten(self, ids: Collection[str]) -> set[str]:
        """Return which of these ids belong to posts that were deleted for good."""
        return _among(self._connection, FORGOTTEN.c.id, ids)

    def count_known(self, ids: Collection[str]) -> int:
        """Count the ids that the store has a post of, or had one that was deleted for good."""
        return len(_among(self._connection, POSTS.c.id, ids) | self.among_forgotten(ids))

    def channels(self, source: str) -> dict[str, tuple[float | None, float | None]]:
        """Return the channels of a format, each with the times of its oldest and newest post, None if unknown."""
        columns = (FORGOTTEN_CHANNELS.c.channel, sa.null(), sa.null())
        gone = sa.select(*columns).where(FORGOTTEN_CHANNELS.c.source == source)
        times = (sa.func.min(POSTS.c.time), sa.func.max(POSTS.c.time))
        there = sa.select(POSTS.c.channel, *times).where(POSTS.c.source == source).group_by(POSTS.c.channel)
        rows = [*self._connection.execute(gone), *self._connection.execute(there)]
        return {channel: (first, last) for channel, first, last in rows}

    def count_in(self, channel: str) -> int:
        """Count the posts of a channel and its topics."""
        return self._connection.scalar(sa.select(sa.func.count()).where(in_channel(channel))) or 0

    def remember_choices(self, choices: StoredChoices, most_messages: int, *, clear: bool, clear_only: bool) -> None:
        """Add to the chats that were chosen and kept out; `clear` what was remembered before, or only what was chosen."""
        known = StoredChoices() if clear else read_choices(self._connection)
        known = replace(known, only=frozenset(), only_chats=frozenset()) if clear_only else known
        write_choices(self._connection, known.joined(choices, most_messages))

    def remember_owners(self, source: str, mine: Collection[str], others: Collection[str]) -> None:
        """Store digests of the owner's ids in exports of a format, and delete those of `others`.

        So naming the right person corrects an earlier mistake, and two accounts of one person are both known.
        """
        of_source = OWNERS.c.source == source
        known = set(self._connection.scalars(sa.select(OWNERS.c.digest).where(of_source)))
        self._connection.execute(OWNERS.delete().where(of_source, OWNERS.c.digest.in_(known & set(others))))
        if new := set(mine) - known:
            self._connection.execute(OWNERS.insert(), [{"source": source, "digest": digest} for digest in sorted(new)])

    def _add_batch(self, batch: Sequence[Post], added: AddResult) -> None:
        changed, stored = self._changes(batch, added)
        new = [_row(post) for post in changed.values() if post.id not in stored]
        edits = [_row(post, "new_") for post in changed.values() if post.id in stored]
        if new:
            self._connection.execute(POSTS.insert(), new)
        if edits:
            self._connection.execute(_UPDATE, edits)

    def _changes(self, batch: Sequence[Post], added: AddResult) -> tuple[dict[str, Post], set[str]]:
        """Count a batch; return the posts to be written by id, and which of their ids are stored."""
        ids = {id_ for post in batch for id_ in (post.id, *post.aliases)}
        forgotten = self.among_forgotten(ids)
        known = {
            row.id: Post(*row)
            for some in in_batches(ids)
            for row in self._connection.execute(sa.select(*_columns).where(POSTS.c.id.in_(some)))
        }
        stored = set(known)
        changed: dict[str, Post] = {}
        for given in batch:
            post = given if not given.aliases or given.id in known else _as_stored(given, known)
            before = known.get(post.id)
            if before and before.reply_to is not None and post.reply_to is None:
                post = replace(post, reply_to=before.reply_to)
            if not forgotten.isdisjoint((post.id, *post.aliases)):
                added.forgotten += 1
            elif _must_write(before, post, added):
                known[post.id] = changed[post.id] = post
        return changed, stored

    def _forget_batch(self, ids: Sequence[str]) -> int:
        existing = _among(self._connection, POSTS.c.id, ids)
        if new := existing - _among(self._connection, FORGOTTEN.c.id, existing):
            self._connection.execute(FORGOTTEN.insert(), [{"id": id_} for id_ in sorted(new)])
        of_these = sa.select(POSTS.c.channel, POSTS.c.source).where(POSTS.c.id.in_(existing)).distinct()
        channels = {row.channel: row.source for row in self._connection.execute(of_these)}
        if gone := channels.keys() - _among(self._connection, FORGOTTEN_CHANNELS.c.channel, channels):
            rows = [{"channel": channel, "source": channels[channel]} for channel in sorted(gone)]
            self._connection.execute(FORGOTTEN_CHANNELS.insert(), rows)
        self._connection.execute(POSTS.delete().where(POSTS.c.id.in_(existing)))
        return len(existing)


def _as_stored(post: Post, known: Collection[str]) -> Post:
    """Return a post under the alias that the store has it under, if any."""
    return next((replace(post, id=alias) for alias in post.aliases if alias in known), post)


_UPDATE = (
    POSTS.update()
    .where(POSTS.c.id == sa.bindparam("new_id"))
    .values({column.name: sa.bindparam(f"new_{column.name}") for column in _columns if column.name != "id"})
)


def _among(connection: sa.Connection, column: sa.Column[str], values: Collection[str]) -> set[str]:
    """Return which of these values a column has."""
    found: set[str] = set()
    for some in in_batches(values):
        found.update(connection.scalars(sa.select(column).where(column.in_(some))))
    return found


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield lists of as many items as one statement may have parameters."""
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch


def _row(post: Post, prefix: str = "") -> dict[str, Any]:
    return {prefix + column.name: getattr(post, column.name) for column in _columns}


@contextmanager
def open_store(url: str, wait: float | None = None) -> Iterator[PostStore]:
    """Open the posts in the database at a SQLAlchemy URL, as `open_database` does."""
    with open_database(url, wait) as engine:
        yield PostStore(engine)


def remembered(url: str, wait: float | None = None) -> Remembered:
    """Return what earlier imports were told, nothing without a store; creates none."""
    if not store_exists(url):
        return Remembered()
    with open_store(url, wait) as store:
        return Remembered(store.owners(), store.choices())


def _must_write(before: Post | None, post: Post, added: AddResult) -> bool:
    """Return whether a post has to be written, and count it as new, updated or duplicate."""
    if before is None:
        added.new += 1
        added.mine += post.mine
        return True
    same = (before.text, before.mine, before.reply_to) == (post.text, post.mine, post.reply_to)
    if same or (post.edited or 0) < (before.edited or 0):
        added.duplicates += 1
        return False
    added.updated += 1
    return True
