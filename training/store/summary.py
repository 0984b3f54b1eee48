"""Counts of the stored posts. Knows no post as a whole."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from training.store.tables import POSTS, TIME

ROWS_PER_FETCH = 1000
"""Rows fetched from the database at a time while reading posts."""


@dataclass(frozen=True)
class Summary:
    """The store's counts; `bytes` is the text's UTF-8 size, `first` and `last` Unix seconds."""

    mine: int
    context: int
    sources: dict[str, int]
    first: float | None
    last: float | None
    bytes: int
    lengths: dict[str, int]


def count_by(connection: sa.Connection, column: sa.Column[Any]) -> dict[Any, int]:
    """Count a table's entries by their value in a column."""
    return dict(connection.execute(sa.select(column, sa.func.count()).group_by(column)).all())


def count_by_owner(connection: sa.Connection) -> tuple[int, int]:
    """Count the owner's posts, and those of others."""
    counts = count_by(connection, POSTS.c.mine)
    return counts.get(True, 0), counts.get(False, 0)


def count_by_channel(connection: sa.Connection) -> list[tuple[str, int, int]]:
    """Count the owner's posts, and those of others, in each channel; the largest first."""
    query = sa.select(POSTS.c.channel, POSTS.c.mine, sa.func.count()).group_by(POSTS.c.channel, POSTS.c.mine)
    counts: dict[str, list[int]] = {}
    for channel, mine, count in connection.execute(query):
        counts.setdefault(channel, [0, 0])[not mine] = count
    largest_first = sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0]))
    return [(channel, mine, others) for channel, (mine, others) in largest_first]


def summarize(connection: sa.Connection) -> Summary:
    """Summarize the store, holding only the lengths of the owner's posts in memory."""
    mine, context = count_by_owner(connection)
    sources = count_by(connection, POSTS.c.source)
    first, last = connection.execute(sa.select(sa.func.min(TIME), sa.func.max(TIME))).one()
    texts = sa.select(POSTS.c.text, POSTS.c.mine).execution_options(yield_per=ROWS_PER_FETCH)
    size, lengths = 0, []
    for text, is_mine in connection.execute(texts):
        size += len(text.encode())
        if is_mine:
            lengths.append(len(text))
    return Summary(mine, context, sources, first, last, bytes=size, lengths=_quantiles(lengths))


def _quantiles(lengths: list[int]) -> dict[str, int]:
    """Return the median, 90th percentile and maximum length in characters; empty for none."""
    if not lengths:
        return {}
    lengths.sort()
    return {"median": lengths[len(lengths) // 2], "p90": lengths[len(lengths) * 9 // 10], "longest": lengths[-1]}
