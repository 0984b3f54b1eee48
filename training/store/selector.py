"""Which posts are meant: by what they say, by id, by source or by age. Changes nothing."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from training.store.summary import FETCHED
from training.store.tables import POSTS


@dataclass(frozen=True)
class Selector:
    """Exactly one of these is set. `contains` is found in any case and spelling of a letter; `before` is Unix seconds.

    A post without a time is before nothing.
    """

    contains: str | None = None
    id: str | None = None
    source: str | None = None
    before: float | None = None


@dataclass
class Found:
    """The posts that are meant: their ids, how many are one's own, and the oldest and newest time (Unix seconds).

    `timeless` are those without a time.
    """

    ids: list[str] = field(default_factory=list)
    mine: int = 0
    timeless: int = 0
    oldest: float | None = None
    newest: float | None = None


def find(connection: sa.Connection, selector: Selector) -> Found:
    """Look for them, without holding more than their ids."""
    found = Found()
    for id_, mine, time in _matching(connection, selector):
        found.ids.append(id_)
        found.mine += mine
        if time is None:
            found.timeless += 1
        else:
            found.oldest = time if found.oldest is None else min(found.oldest, time)
            found.newest = time if found.newest is None else max(found.newest, time)
    return found


def _matching(connection: sa.Connection, selector: Selector) -> Iterator[tuple[str, bool, float | None]]:
    query = sa.select(POSTS.c.id, POSTS.c.mine, POSTS.c.time)
    if selector.contains is not None:
        return _containing(connection, selector.contains)
    if selector.id is not None:
        query = query.where(POSTS.c.id == selector.id)
    elif selector.source is not None:
        query = query.where(POSTS.c.source == selector.source)
    else:
        query = query.where(POSTS.c.time < selector.before)
    return _rows(connection, query)


def _containing(connection: sa.Connection, words: str) -> Iterator[tuple[str, bool, float | None]]:
    """Databases fold the case of a-z alone, so this is done here."""
    wanted = _folded(words)
    query = sa.select(POSTS.c.id, POSTS.c.mine, POSTS.c.time, POSTS.c.text)
    for id_, mine, time, text in _rows(connection, query):
        if wanted in _folded(text):
            yield id_, mine, time


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query.execution_options(yield_per=FETCHED))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
