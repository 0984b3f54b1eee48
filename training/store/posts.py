"""Open, read, count and scrub the posts in the store; Writer (writer.py) changes them. Knows no export format."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from training.store.choices import read_choices
from training.store.database import empty_log, explain_errors, open_database, scrub, store_exists, writing
from training.store.people import Person, authors_known_as, authors_like, is_read, read_people, same_person
from training.store.post import Post
from training.store.selector import SelectedPosts, Selector, select_posts
from training.store.stored_choices import StoredChoices
from training.store.summary import ROWS_PER_FETCH, Summary, count_by_channel, count_by_owner, summarize
from training.store.tables import FORGOTTEN, INSTALLATION, OWNERS, POSTS, TIME
from training.store.writer import COLUMNS, AddResult, Writer, among

__all__ = ["AddResult", "PostStore", "Remembered", "Writer", "open_store", "remembered"]

_IS_COUNTED = sa.or_(POSTS.c.id.startswith("discord:"), POSTS.c.id.startswith("x:"))
_BY_NUMBER = (sa.case((_IS_COUNTED, sa.func.length(POSTS.c.id))), sa.case((_IS_COUNTED, POSTS.c.id)))
"""Orders ids that grow with time; of numbers behind one prefix, a longer one is greater."""


@dataclass(frozen=True)
class Remembered:
    """What earlier imports were told: digests of the owner's ids by format, and which chats to read.

    The digests are keyed where there is a `fingerprint` of the secret (posts/author_key.py).
    """

    owners: dict[str, set[str]] = field(default_factory=dict)
    choices: StoredChoices = field(default_factory=StoredChoices)
    fingerprint: str | None = None


class PostStore:
    """The posts of one data folder, opened and closed by `open_store`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @contextmanager
    def writing(self) -> Iterator[Writer]:
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
            return bool(among(connection, FORGOTTEN.c.id, {id_}))

    def owners(self) -> dict[str, set[str]]:
        """Return digests of the authors known to be the owner, by format; keyed if there is a `fingerprint`."""
        digests: dict[str, set[str]] = {}
        with explain_errors(self._engine), self._engine.connect() as connection:
            for source, digest in connection.execute(sa.select(OWNERS.c.source, OWNERS.c.digest)):
                digests.setdefault(source, set()).add(digest)
        return digests

    def fingerprint(self) -> str | None:
        """Return the fingerprint of the secret that digests are made with; None before the first."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            found: str | None = connection.scalar(sa.select(INSTALLATION.c.fingerprint))
        return found

    def people(self) -> dict[str, Person]:
        """Return everybody who asked for something or was forgotten, by author."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            return read_people(connection)

    def authors_of(self, digests: Sequence[str], beginning: str = "") -> list[frozenset[str]]:
        """Return the people found by the first of these digests that finds any, or whose own digest begins so.

        Each is the set of their authors: one who was renamed has several.
        """
        with explain_errors(self._engine), self._engine.connect() as connection:
            found = authors_like(connection, beginning) if beginning else set[str]()
            for digest in digests:
                found = found or authors_known_as(connection, digest)
            return sorted({same_person(connection, author) for author in found}, key=sorted)

    def count_without_author(self) -> int:
        """Count others' posts of which it is not known who wrote them."""
        query = sa.select(sa.func.count()).where(POSTS.c.author.is_(None), ~POSTS.c.mine)
        with explain_errors(self._engine), self._engine.connect() as connection:
            return connection.scalar(query) or 0

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
        """Stream all posts by channel, then time (those without one first), then number; not of those ignored.

        Of one moment in Discord and on X the ids tell the order, elsewhere the order of import.
        """
        yield from self.posts_where(is_read())

    def posts_up_to(self, seq: int | None) -> Iterator[Post]:
        """Stream all posts up to this number in the store, None for all, in import order; of those ignored too."""
        query = sa.select(*COLUMNS, POSTS.c.seq, POSTS.c.author).order_by(POSTS.c.seq)
        if seq is not None:
            query = query.where(POSTS.c.seq <= seq)
        with explain_errors(self._engine), self._engine.connect() as connection:
            for row in connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)):
                yield replace(Post(*row[:-1]), author=row.author)

    def posts_of(self, authors: Collection[str]) -> Iterator[Post]:
        """Stream all posts of these authors in the same order."""
        yield from self.posts_where(POSTS.c.author.in_(authors))

    def posts_where(self, condition: sa.ColumnElement[bool]) -> Iterator[Post]:
        """Stream posts in the order of `posts`."""
        order = (POSTS.c.channel, TIME.is_not(None), TIME, *_BY_NUMBER, POSTS.c.seq)
        query = sa.select(*COLUMNS, POSTS.c.seq).where(condition).order_by(*order)
        query = query.execution_options(yield_per=ROWS_PER_FETCH)
        with explain_errors(self._engine), self._engine.connect() as connection:
            for row in connection.execute(query):
                yield Post(*row)  # `seq` is the field after the columns

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
        return Remembered(store.owners(), store.choices(), store.fingerprint())
