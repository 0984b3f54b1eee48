"""Tombstones: ids of deleted posts, which no import restores. Knows no selector."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from training.store.tables import FORGOTTEN, POSTS

BATCH_SIZE = 500
"""Ids per statement: below 999, the smallest parameter limit of any SQLite."""


def tombstoned_ids(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """Return which of at most BATCH_SIZE ids were forgotten."""
    return set(connection.scalars(sa.select(FORGOTTEN.c.id).where(FORGOTTEN.c.id.in_(ids))))


def add_tombstones(connection: sa.Connection, ids: Collection[str]) -> int:
    """Delete these posts and keep their ids; return how many existed. Unknown ids are ignored."""
    return sum(_add_batch(connection, batch) for batch in _batches(ids))


def _add_batch(connection: sa.Connection, ids: Sequence[str]) -> int:
    existing = set(connection.scalars(sa.select(POSTS.c.id).where(POSTS.c.id.in_(ids))))
    if new := existing - tombstoned_ids(connection, existing):
        connection.execute(FORGOTTEN.insert(), [{"id": id_} for id_ in sorted(new)])
    connection.execute(POSTS.delete().where(POSTS.c.id.in_(existing)))
    return len(existing)


def _batches(ids: Collection[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch
