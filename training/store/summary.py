"""Counts of the stored posts. Knows no post as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from training.store.tables import POSTS

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


def count_by_owner(connection: sa.Connection) -> tuple[int, int]:
    """Count the owner's posts, and those of others."""
    counts = dict(_pairs(connection, sa.select(POSTS.c.mine, sa.func.count()).group_by(POSTS.c.mine)))
    return counts.get(True, 0), counts.get(False, 0)


def summarize(connection: sa.Connection) -> Summary:
    """Summarize the store, holding only the lengths of the owner's posts in memory."""
    mine, context = count_by_owner(connection)
    sources = dict(_pairs(connection, sa.select(POSTS.c.source, sa.func.count()).group_by(POSTS.c.source)))
    span = connection.execute(sa.select(sa.func.min(POSTS.c.time), sa.func.max(POSTS.c.time))).one()
    texts = sa.select(POSTS.c.text, POSTS.c.mine).execution_options(yield_per=ROWS_PER_FETCH)
    size, lengths = 0, []
    for text, is_mine in connection.execute(texts):
        size += len(text.encode())
        if is_mine:
            lengths.append(len(text))
    return Summary(
        mine=mine,
        context=context,
        sources=sources,
        first=span[0],
        last=span[1],
        bytes=size,
        lengths=_quantiles(lengths),
    )


def _pairs(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[tuple[Any, Any]]:
    return ((row[0], row[1]) for row in connection.execute(query))


def _quantiles(lengths: list[int]) -> dict[str, int]:
    """Return the median, 90th percentile and maximum length in characters; empty for none."""
    if not lengths:
        return {}
    lengths.sort()
    return {"median": lengths[len(lengths) // 2], "p90": lengths[len(lengths) * 9 // 10], "longest": lengths[-1]}
