"""Posts taken out for good: what is left of them is their ids, so that nothing brings them back. Knows no selector."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from training.store.tables import FORGOTTEN, POSTS

BATCH = 500
"""Ids a statement: below SQLite's oldest limit of 999 parameters in one."""


def tombstoned_ids(connection: sa.Connection, ids: Collection[str]) -> set[str]:
    """Which of at most BATCH ids were forgotten."""
    return set(connection.scalars(sa.select(FORGOTTEN.c.id).where(FORGOTTEN.c.id.in_(ids))))


def add_tombstones(connection: sa.Connection, ids: Collection[str]) -> int:
    """Take the posts of these ids out and keep the ids; returns how many there were. An id without a post is left alone."""
    return sum(_bury_batch(connection, batch) for batch in _batches(ids))


def _bury_batch(connection: sa.Connection, ids: Sequence[str]) -> int:
    there = set(connection.scalars(sa.select(POSTS.c.id).where(POSTS.c.id.in_(ids))))
    if new := there - tombstoned_ids(connection, there):
        connection.execute(FORGOTTEN.insert(), [{"id": id_} for id_ in sorted(new)])
    connection.execute(POSTS.delete().where(POSTS.c.id.in_(there)))
    return len(there)


def _batches(ids: Collection[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while batch := list(islice(left, BATCH)):
        yield batch
