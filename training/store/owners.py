"""Who `--me` named, by format: digests, so that nobody's name or number is in the store. Knows no export."""

from collections.abc import Collection

import sqlalchemy as sa

from training.store.tables import OWNERS


def remembered(connection: sa.Connection) -> dict[str, set[str]]:
    """By format, the digests of who is the owner in its exports."""
    found: dict[str, set[str]] = {}
    for source, digest in connection.execute(sa.select(OWNERS.c.source, OWNERS.c.digest)):
        found.setdefault(source, set()).add(digest)
    return found


def remember(connection: sa.Connection, source: str, mine: Collection[str], others: Collection[str]) -> None:
    """From now on `mine` are the owner in exports of this format, and `others`, who wrote there too, are not.

    So a slip of the name is mended with the posts by naming the right person, and two accounts of one person are both known.
    """
    known = remembered(connection).get(source, set())
    for digest in known & set(others):
        connection.execute(OWNERS.delete().where(OWNERS.c.source == source, OWNERS.c.digest == digest))
    if new := set(mine) - known:
        connection.execute(OWNERS.insert(), [{"source": source, "digest": digest} for digest in sorted(new)])
