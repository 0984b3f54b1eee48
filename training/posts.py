"""Posts and the store that holds them. The one file that knows SQLAlchemy. Knows no export format and no network.

SQLite by default; any database SQLAlchemy speaks to, PostgreSQL for one, by its URL. Nobody's name is in here: a post
is one's own or somebody else's.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from model.errors import DannError

SCHEMA_VERSION = 1
BATCH = 500
"""Posts a statement: below SQLite's oldest limit of 999 parameters in one."""
FETCHED = 1000
"""Posts held at a time while reading."""
WAIT_SECONDS = 30
"""How long to wait for another writer, or for a server to answer."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message of the owner's (`mine`) or, kept as context, of somebody else's.

    `id` is unique over all sources, `channel` opaque; `time` and `edited` are Unix seconds, None where unknown;
    `reply_to` is the id of the message it answers; `source` the format it came in.
    """

    id: str
    channel: str
    mine: bool
    time: float | None
    text: str
    reply_to: str | None = None
    edited: float | None = None
    source: str = ""


@dataclass(slots=True)
class Added:
    """What adding posts did."""

    new: int = 0
    updated: int = 0
    duplicates: int = 0
    mine: int = 0


@dataclass(frozen=True)
class Summary:
    """What the store holds; `bytes` is the text's UTF-8 size, `first` and `last` Unix seconds."""

    mine: int
    context: int
    sources: dict[str, int]
    first: float | None
    last: float | None
    bytes: int
    lengths: dict[str, int]


_metadata = sa.MetaData()
_version = sa.Table("dann_schema", _metadata, sa.Column("version", sa.Integer, nullable=False))
_posts = sa.Table(
    "posts",
    _metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),  # the order in which posts were read
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("mine", sa.Boolean, nullable=False),
    sa.Column("time", sa.Float(53)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("reply_to", sa.Text),
    sa.Column("edited", sa.Float(53)),
    sa.Column("source", sa.Text, nullable=False),
)
_columns = [_posts.c[field.name] for field in fields(Post)]


class PostStore:
    """The posts of one data folder. Open with `open_store`, which also closes it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Write many posts as one transaction: all of them are in when the block ends, none if it raises."""
        with _told(self._engine), self._engine.begin() as connection:
            if self._engine.dialect.name == "sqlite":  # or a second writer could come between looking and inserting
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield Writer(connection)

    def posts(self) -> Iterator[Post]:
        """Stream all posts, by channel, then time (those without one first), then the order in which they were read."""
        order = (_posts.c.channel, _posts.c.time.is_not(None), _posts.c.time, _posts.c.seq)
        query = sa.select(*_columns).order_by(*order).execution_options(yield_per=FETCHED)
        with _told(self._engine), self._engine.connect() as connection:
            for row in connection.execute(query):
                yield Post(*row)

    def summary(self) -> Summary:
        """Count, without holding more than the lengths of one's own posts."""
        with _told(self._engine), self._engine.connect() as connection:
            by_owner = dict(_pairs(connection, sa.select(_posts.c.mine, sa.func.count()).group_by(_posts.c.mine)))
            sources = dict(_pairs(connection, sa.select(_posts.c.source, sa.func.count()).group_by(_posts.c.source)))
            span = connection.execute(sa.select(sa.func.min(_posts.c.time), sa.func.max(_posts.c.time))).one()
            texts = sa.select(_posts.c.text, _posts.c.mine).execution_options(yield_per=FETCHED)
            size, lengths = 0, []
            for text, mine in connection.execute(texts):
                size += len(text.encode())
                if mine:
                    lengths.append(len(text))
        return Summary(
            mine=by_owner.get(True, 0),
            context=by_owner.get(False, 0),
            sources=sources,
            first=span[0],
            last=span[1],
            bytes=size,
            lengths=_quantiles(lengths),
        )


class Writer:
    """Adds posts within one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, posts: Iterable[Post]) -> Added:
        """Insert what is new, update what was edited since, count the rest as duplicates.

        A post already there is updated if it differs and is not the older edit of the two. Of one id twice in `posts`,
        the later counts under the same rule.
        """
        added = Added()
        batch: list[Post] = []
        for post in posts:
            batch.append(post)
            if len(batch) == BATCH:
                self._add_batch(batch, added)
                batch = []
        self._add_batch(batch, added)
        return added

    def _add_batch(self, batch: Sequence[Post], added: Added) -> None:
        if not batch:
            return
        ids = {post.id for post in batch}
        known = {
            row.id: Post(*row) for row in self._connection.execute(sa.select(*_columns).where(_posts.c.id.in_(ids)))
        }
        stored = set(known)
        changed: dict[str, Post] = {}
        for post in batch:
            before = known.get(post.id)
            if before is None:
                added.new += 1
                added.mine += post.mine
            elif _same(before, post) or (post.edited or 0) < (before.edited or 0):
                added.duplicates += 1
                continue
            else:
                added.updated += 1
            known[post.id] = changed[post.id] = post
        new = [_row(post) for post in changed.values() if post.id not in stored]
        edits = [_row(post, "new_") for post in changed.values() if post.id in stored]
        if new:
            self._connection.execute(_posts.insert(), new)
        if edits:
            self._connection.execute(_UPDATE, edits)


_UPDATE = (
    _posts.update()
    .where(_posts.c.id == sa.bindparam("new_id"))
    .values({column.name: sa.bindparam(f"new_{column.name}") for column in _columns if column.name != "id"})
)


def _row(post: Post, prefix: str = "") -> dict[str, Any]:
    return {prefix + column.name: getattr(post, column.name) for column in _columns}


@contextmanager
def open_store(url: str) -> Iterator[PostStore]:
    """Open the store at a SQLAlchemy URL, creating what is missing.

    Raises DannError for a URL that is none, a database that cannot be reached, or a store from a later version.
    """
    engine = _connected(url)
    try:
        with _told(engine), engine.begin() as connection:
            _version.create(connection, checkfirst=True)
            version = connection.scalar(sa.select(sa.func.max(_version.c.version)))
            if version is None:
                connection.execute(_version.insert(), {"version": SCHEMA_VERSION})
            elif version > SCHEMA_VERSION:
                raise DannError(
                    f"{_name(engine)}: written by a later dann (store version {version}; this one knows up to "
                    f"{SCHEMA_VERSION}); upgrade dann"
                )
            _metadata.create_all(connection)
        yield PostStore(engine)
    finally:
        engine.dispose()


def _connected(url: str) -> sa.Engine:
    try:
        engine = _engine(sa.make_url(url))
        with _told(engine):
            engine.connect().close()
    except ImportError as error:
        raise DannError(
            f"data.url: {_without_password(url)} needs {error.name}, which is not installed; "
            "for PostgreSQL: pip install 'dann[postgres]'"
        ) from error
    except (sa.exc.ArgumentError, TypeError, ValueError) as error:
        raise DannError(
            f"data.url: {_without_password(url)!r} is no database dann can open; "
            "leave it empty for SQLite, or give a URL such as postgresql://user@host/dann"
        ) from error
    return engine


def _engine(url: sa.URL) -> sa.Engine:
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(WAIT_SECONDS)})
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    if not url.database or url.database == ":memory:":
        raise ValueError("posts that nobody keeps")
    _private_file(Path(url.database))
    engine = sa.create_engine(url, connect_args={"timeout": WAIT_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # a running bot reads while an import writes

    return engine


def _private_file(path: Path) -> None:
    """Make the file and its folder, readable by their owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DannError(
            f"{path}: the store cannot be opened ({error.strerror}); check data.dir and its permissions"
        ) from error


_REMEDIES = {
    "locked": "another dann is writing to it; try again when that is done",
    "duplicate key": "another dann was adding the same posts; try again",
    "full": "make room on the disk and try again",
    "readonly": "it must be writable; check its permissions",
    "not a database": "something else is stored there; check data.dir and data.url",
}


@contextmanager
def _told(engine: sa.Engine) -> Iterator[None]:
    """Turn what the database refuses into one line; the transaction is rolled back by then."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
        remedy = next((remedy for word, remedy in _REMEDIES.items() if word in reason), "check data.url")
        raise DannError(f"{_name(engine)}: the store refused ({reason}), so this was not done; {remedy}") from error


def _name(engine: sa.Engine) -> str:
    return engine.url.difference_update_query(["connect_timeout"]).render_as_string(hide_password=True)


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        return url.rpartition("@")[2]


def _same(before: Post, after: Post) -> bool:
    return (before.text, before.mine, before.reply_to) == (after.text, after.mine, after.reply_to)


def _pairs(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[tuple[Any, Any]]:
    return ((row[0], row[1]) for row in connection.execute(query))


def _quantiles(lengths: list[int]) -> dict[str, int]:
    """Return the median, the 90 % and the longest of some lengths, in characters; empty for none."""
    if not lengths:
        return {}
    lengths.sort()
    return {"median": lengths[len(lengths) // 2], "p90": lengths[len(lengths) * 9 // 10], "longest": lengths[-1]}
