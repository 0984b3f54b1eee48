"""Add, update and forget posts within one transaction. Knows no export format and no network."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from training.store.choices import read_choices, write_choices
from training.store.matching import Matcher, ids_of
from training.store.people import (
    Person,
    adopt_secret,
    change_person,
    drop_digests,
    forgotten_authors,
    note_names,
    read_people,
)
from training.store.post import Post
from training.store.selector import SelectedPosts, Selector, in_channel, select_posts
from training.store.stored_choices import StoredChoices
from training.store.tables import FORGOTTEN, FORGOTTEN_CHANNELS, INSTALLATION, OWNERS, POSTS, TIME

T = TypeVar("T")

LEAST_TELLING = 20
"""Characters of a text by which somebody is known again under another name."""
BATCH_SIZE = 500
"""Ids per statement: below 999, the smallest parameter limit of any SQLite."""


@dataclass(slots=True)
class AddResult:
    """Counts of added posts; `forgotten` ones were deleted for good before, or are of somebody who was forgotten.

    `authored` are duplicates of posts whose author was not known before.
    """

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    forgotten: int = 0
    mine: int = 0
    authored: int = 0


COLUMNS: list[sa.ColumnElement[Any]] = [
    TIME.label("time") if column.name == "time" else POSTS.c[column.name]
    for column in fields(Post)
    if column.name in POSTS.c and column.name not in {"seq", "author"}
]
"""Those that come first in a Post, in its order."""


@dataclass(slots=True)
class _Batch:
    """What a batch changes: posts by id, of which some are `stored`, and the `authors` that stored ones get.

    `left` are ids of stored posts of people who were forgotten, `names` digests by which authors are found.
    """

    changed: dict[str, Post] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    authors: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)


class Writer:
    """Adds and deletes posts within one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._forgotten: frozenset[str] | None = None
        self._names: dict[str, set[str]] = {}
        self._matcher = Matcher()

    def add(self, posts: Iterable[Post]) -> AddResult:
        """Insert new posts, update edited ones, skip forgotten ones, count the rest as duplicates.

        A stored post is updated if the new one differs and is not an older edit, or has its channel and time among the
        `outdated` ones that the new one is found by. For an id that is twice in `posts` the same rule applies. A
        `reply_to` is never removed: some formats have none.
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
        return among(self._connection, FORGOTTEN.c.id, ids)

    def known_ids(self, ids: Collection[str]) -> set[str]:
        """Return the ids that the store has a post of, or had one that was deleted for good."""
        return among(self._connection, POSTS.c.id, ids) | self.among_forgotten(ids)

    def compare(self, texts: Mapping[str, Collection[str]]) -> tuple[set[str], int]:
        """Return which ids the store has, or had, for messages of one of these texts; count those of others."""
        same, others = self.among_forgotten(texts), 0
        for some in in_batches(texts):
            query = sa.select(POSTS.c.id, POSTS.c.text).where(POSTS.c.id.in_(some))
            for id_, text in self._connection.execute(query):
                same |= {id_} if text in texts[id_] else set()
                others += text not in texts[id_]
        return same, others

    def channels(self, source: str) -> dict[str, tuple[float | None, float | None]]:
        """Return the channels of a format, each with the times of its oldest and newest post, None if unknown."""
        columns = (FORGOTTEN_CHANNELS.c.channel, sa.null(), sa.null())
        gone = sa.select(*columns).where(FORGOTTEN_CHANNELS.c.source == source)
        times = (sa.func.min(TIME), sa.func.max(TIME))
        there = sa.select(POSTS.c.channel, *times).where(POSTS.c.source == source).group_by(POSTS.c.channel)
        rows = [*self._connection.execute(gone), *self._connection.execute(there)]
        return {channel: (first, last) for channel, first, last in rows}

    def channel_of(self, ids: Collection[str], without: str) -> str:
        """Return the channel that has most of the posts with these ids, but for one channel; "" if none has any."""
        counts: Counter[str] = Counter()
        for some in in_batches(ids):
            query = sa.select(POSTS.c.channel).where(POSTS.c.id.in_(some), POSTS.c.channel != without)
            counts.update(self._connection.scalars(query))
        return next((channel for channel, _ in counts.most_common(1)), "")

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

    def fingerprint(self) -> str | None:
        """Return the fingerprint of the secret that digests are made with; None before the first."""
        found: str | None = self._connection.scalar(sa.select(INSTALLATION.c.fingerprint))
        return found

    def adopt_secret(self, fingerprint: str, keyed: Callable[[str], str]) -> None:
        """Note the secret's fingerprint, and replace the owner's digests by those that `keyed` makes of them."""
        owners = self._connection.execute(sa.select(OWNERS.c.source, OWNERS.c.digest)).all()
        adopt_secret(self._connection, fingerprint, [(source, keyed(digest)) for source, digest in owners])

    def drop_digests(self) -> int:
        """Delete all that was made with a secret that is lost; return how many people who left are no longer known."""
        return drop_digests(self._connection)

    def people(self) -> dict[str, Person]:
        """Return everybody who asked for something or was forgotten, by author."""
        return read_people(self._connection)

    def change_person(self, author: str, **known: Any) -> None:
        """Set fields of a Person, new or known."""
        change_person(self._connection, author, **known)

    def _add_batch(self, batch: Sequence[Post], added: AddResult) -> None:
        found = self._changes(batch, added)
        new = [_row(post) | {"author": post.author} for post in found.changed.values() if post.id not in found.stored]
        edits = [_row(post, "new_") for post in found.changed.values() if post.id in found.stored]
        authors = [{"of_id": id_, "new_author": author} for id_, author in found.authors.items()]
        for statement, rows in ((POSTS.insert(), new), (_UPDATE, edits), (_SET_AUTHOR, authors)):
            if rows:
                self._connection.execute(statement, rows)
        names = {author: known - self._names.get(author, set()) for author, known in found.names.items()}
        note_names(self._connection, {author: known for author, known in names.items() if known})
        for author, known in names.items():
            self._names.setdefault(author, set()).update(known)
        if found.left:
            self.forget(found.left)

    def _changes(self, batch: Sequence[Post], added: AddResult) -> _Batch:
        """Count a batch, and return what it changes."""
        ids = {id_ for post in batch for id_ in ids_of(post)}
        forgotten = self.among_forgotten(ids)
        known: dict[str, Post] = {}
        for some in in_batches(ids):
            query = sa.select(*COLUMNS, POSTS.c.seq, POSTS.c.author).where(POSTS.c.id.in_(some))
            for row in self._connection.execute(query):
                known[row.id] = replace(Post(*row[:-1]), author=row.author)
        found = _Batch(stored=set(known))
        for given in batch:
            post = self._matcher.as_stored(given, known)
            before = known.get(post.id)
            if before and before.reply_to is not None and post.reply_to is None:
                post = replace(post, reply_to=before.reply_to)
            if not forgotten.isdisjoint((post.id, *ids_of(given))):
                added.forgotten += 1
            elif post.author is not None and post.author in self._forgotten_authors():
                added.forgotten += 1
                found.left |= {post.id} & found.stored
            else:
                self._find_author(post, before, found, added)
                if _must_write(before, post, added):
                    known[post.id] = found.changed[post.id] = post
        return found

    @staticmethod
    def _find_author(post: Post, before: Post | None, found: _Batch, added: AddResult) -> None:
        """Note who wrote a post, and all that they are known as; where another wrote it before, they are one person.

        Not by a short text: two people may write it in one minute, and where ids are missing they may change places.
        """
        if post.author is None:
            return
        found.names.setdefault(post.author, set()).update(post.known_as)
        if before is None or before.author == post.author:
            return
        if before.author is None:
            found.authors[post.id] = post.author
            added.authored += post.id in found.stored
        elif len(post.text) >= LEAST_TELLING:
            found.names[post.author].add(before.author)

    def _forgotten_authors(self) -> frozenset[str]:
        if self._forgotten is None:
            self._forgotten = forgotten_authors(self._connection)
        return self._forgotten

    def _forget_batch(self, ids: Sequence[str]) -> int:
        existing = among(self._connection, POSTS.c.id, ids)
        if new := existing - among(self._connection, FORGOTTEN.c.id, existing):
            self._connection.execute(FORGOTTEN.insert(), [{"id": id_} for id_ in sorted(new)])
        of_these = sa.select(POSTS.c.channel, POSTS.c.source).where(POSTS.c.id.in_(existing)).distinct()
        channels = {row.channel: row.source for row in self._connection.execute(of_these)}
        if gone := channels.keys() - among(self._connection, FORGOTTEN_CHANNELS.c.channel, channels):
            rows = [{"channel": channel, "source": channels[channel]} for channel in sorted(gone)]
            self._connection.execute(FORGOTTEN_CHANNELS.insert(), rows)
        self._connection.execute(POSTS.delete().where(POSTS.c.id.in_(existing)))
        return len(existing)


_UPDATE = (
    POSTS.update()
    .where(POSTS.c.id == sa.bindparam("new_id"))
    .values({column.name: sa.bindparam(f"new_{column.name}") for column in COLUMNS if column.name != "id"})
)


_SET_AUTHOR = POSTS.update().where(POSTS.c.id == sa.bindparam("of_id")).values(author=sa.bindparam("new_author"))


def among(connection: sa.Connection, column: sa.Column[str], values: Collection[str]) -> set[str]:
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
    return {prefix + column.name: getattr(post, column.name) for column in COLUMNS}


def _must_write(before: Post | None, post: Post, added: AddResult) -> bool:
    """Return whether a post has to be written, and count it as new, updated or duplicate."""
    if before is None:
        added.new += 1
        added.mine += post.mine
        return True
    same = (before.text, before.mine, before.reply_to) == (post.text, post.mine, post.reply_to)
    by, place = post.found_by, (before.channel, before.time)
    moves = before.channel == (by.former_channel or None) or place in by.outdated
    same = same and not moves
    if same or (post.edited or 0) < (before.edited or 0):
        added.duplicates += 1
        return False
    added.updated += 1
    return True
