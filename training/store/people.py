"""Who is ignored, asks to be forgotten or was forgotten, and under which digests an author is found. Knows no name.

Everything here is keyed digests (posts/author_key.py). A store in which somebody is ignored or was forgotten is refused by a
dann that knows neither.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from training.store.tables import (
    AUTHOR_NAMES,
    CHAT_PATTERNS,
    CHOICES_VERSION,
    CHOSEN_CHATS,
    INSTALLATION,
    OWNERS,
    PEOPLE,
    PEOPLE_VERSION,
    POSTS,
    SCHEMA_VERSION,
    VERSION,
)


@dataclass(frozen=True)
class Person:
    """What is known of an author who asked for something; times are Unix seconds, None where it did not happen.

    `forgotten`: since then no post of theirs is stored; `finished`: since then no file has what was stored. `lowest_seq` and
    `oldest` (a time) are of the posts that were forgotten.
    """

    author: str
    platform: str | None = None
    ignored: float | None = None
    requested: float | None = None
    forgotten: float | None = None
    finished: float | None = None
    lowest_seq: int | None = None
    oldest: float | None = None


_columns = [PEOPLE.c[field.name] for field in fields(Person)]


def read_people(connection: sa.Connection) -> dict[str, Person]:
    """Return everybody who asked for something or was forgotten, by author."""
    return {row.author: Person(*row) for row in connection.execute(sa.select(*_columns))}


def change_person(connection: sa.Connection, author: str, **known: Any) -> None:
    """Set fields of a Person, new or known."""
    if not connection.execute(PEOPLE.update().where(PEOPLE.c.author == author).values(known)).rowcount:
        connection.execute(PEOPLE.insert().values(author=author, **known))
    update_version(connection)


def forgotten_authors(connection: sa.Connection) -> frozenset[str]:
    """Return the authors whose posts no import restores."""
    return frozenset(connection.scalars(sa.select(PEOPLE.c.author).where(PEOPLE.c.forgotten.is_not(None))))


def is_read() -> sa.ColumnElement[bool]:
    """Return the condition that a post's author is not ignored."""
    ignored = sa.select(PEOPLE.c.author).where(PEOPLE.c.ignored.is_not(None))
    return sa.or_(POSTS.c.author.is_(None), POSTS.c.author.not_in(ignored))


def note_names(connection: sa.Connection, names: Mapping[str, Collection[str]]) -> None:
    """Remember digests by which authors are found, beside those that are known."""
    table = AUTHOR_NAMES.c
    for author, known_as in names.items():
        known = set(connection.scalars(sa.select(table.known_as).where(table.author == author)))
        if new := set(known_as) - known:
            rows = [{"author": author, "known_as": digest} for digest in sorted(new)]
            connection.execute(AUTHOR_NAMES.insert(), rows)


def authors_known_as(connection: sa.Connection, digest: str) -> set[str]:
    """Return the authors with this digest of an id or a name."""
    return set(connection.scalars(sa.select(AUTHOR_NAMES.c.author).where(AUTHOR_NAMES.c.known_as == digest)))


def authors_like(connection: sa.Connection, beginning: str) -> set[str]:
    """Return the authors whose own digest begins so: of stored posts, and of people who asked for something."""
    found: set[str] = set()
    for column in (POSTS.c.author, PEOPLE.c.author):
        found.update(
            connection.scalars(sa.select(column).where(column.startswith(beginning, autoescape=True)).distinct())
        )
    return found


def same_person(connection: sa.Connection, author: str) -> frozenset[str]:
    """Return this author and those who wrote the same posts in other exports, under another name."""
    table = AUTHOR_NAMES.c
    found, waiting = {author}, [author]
    while waiting:
        one = waiting.pop()
        named = sa.select(table.known_as).where(table.author == one)
        others = set(connection.scalars(sa.select(table.author).where(table.known_as == one)))
        others.update(connection.scalars(sa.select(table.author).where(table.author.in_(named))))
        waiting += others - found
        found |= others
    return frozenset(found)


def adopt_secret(connection: sa.Connection, fingerprint: str, owners: Sequence[tuple[str, str]]) -> None:
    """Note the secret's fingerprint, and replace the owner's digests, each with its source."""
    connection.execute(INSTALLATION.delete())
    connection.execute(INSTALLATION.insert(), {"fingerprint": fingerprint})
    connection.execute(OWNERS.delete())
    if owners:
        connection.execute(OWNERS.insert(), [{"source": source, "digest": digest} for source, digest in owners])


def drop_digests(connection: sa.Connection) -> int:
    """Delete all that was made with a secret that is lost; return how many people who left are no longer known."""
    left = len(forgotten_authors(connection))
    connection.execute(POSTS.update().values(author=None))
    for table in (AUTHOR_NAMES, PEOPLE, OWNERS, INSTALLATION):
        connection.execute(table.delete())
    update_version(connection)
    return left


def update_version(connection: sa.Connection) -> None:
    """Set the version below which no dann may open this store."""
    left = sa.or_(PEOPLE.c.ignored.is_not(None), PEOPLE.c.forgotten.is_not(None))
    version = SCHEMA_VERSION
    if connection.scalar(sa.select(sa.exists().where(left))):
        version = PEOPLE_VERSION
    elif any(
        connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (CHAT_PATTERNS, CHOSEN_CHATS)
    ):
        version = CHOICES_VERSION
    connection.execute(VERSION.update().values(version=version))
