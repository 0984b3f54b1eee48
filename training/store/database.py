"""Open the store's database: SQLite by default, PostgreSQL by its URL. Knows no query."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from model.checkpoints.atomic_files import private_folder
from model.errors import DannError
from training.store.tables import METADATA, PEOPLE_VERSION, POSTS, SCHEMA_VERSION, VERSION

WAIT_SECONDS = 30
"""How long to wait for another writer, or for a server to answer."""


@contextmanager
def open_database(url: str, wait: float | None = None) -> Iterator[sa.Engine]:
    """Open the database at a SQLAlchemy URL, creating missing tables.

    `wait` is in seconds, instead of WAIT_SECONDS. A store of an earlier version gets what it lacks. Raises DannError
    for an invalid URL, a database that cannot be reached, or a store of a later version.
    """
    engine = _connected(url, WAIT_SECONDS if wait is None else wait)
    try:
        with explain_errors(engine), engine.connect() as connection:
            ready = (_version(connection) or 0) >= SCHEMA_VERSION and not _missing(connection)
        if not ready:
            with writing(engine) as connection:
                version = _version(connection) or 0  # checked again: of two at once, one waits for the other
                if POSTS.c.author.name in _missing(connection):
                    connection.exec_driver_sql(f"ALTER TABLE {POSTS.name} ADD COLUMN {POSTS.c.author.name} TEXT")
                METADATA.create_all(connection)
                connection.execute(VERSION.delete())
                connection.execute(VERSION.insert(), {"version": max(version, SCHEMA_VERSION)})
        yield engine
    finally:
        engine.dispose()


def store_exists(url: str) -> bool:
    """Return whether a database is at this URL, without connecting; True for any but SQLite."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return True  # `open_database` will say what is wrong with it
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a block as one transaction: committed at its end, rolled back if it raises."""
    try:
        with explain_errors(engine), engine.begin() as connection:
            if engine.dialect.name == "sqlite":  # or a second writer could write between our reading and inserting
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
    except DannError as error:
        if "disk" in str(error):  # what was written is rolled back, but its log would keep the disk full
            with suppress(DannError):
                empty_log(engine)
        raise


def scrub(engine: sa.Engine) -> None:
    """Rewrite the database's file, so that deleted posts can no longer be read in it.

    Raises DannError where that is not possible now, because others read it or the disk is full; nothing is lost.
    """
    with explain_errors(engine), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql(f"VACUUM FULL {POSTS.name}")
            return
        connection.exec_driver_sql("VACUUM")
    if not empty_log(engine):
        raise DannError(
            f"{display_url(engine)}: another dann is reading it, so its -wal file still holds deleted posts"
        )


def empty_log(engine: sa.Engine) -> bool:
    """Write SQLite's log into its file and empty it; False if somebody reads it now."""
    if engine.dialect.name != "sqlite":
        return True
    with explain_errors(engine), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()


def _version(connection: sa.Connection) -> int | None:
    """Return the store's version, None if new. Raises DannError for a later version."""
    if VERSION.name in _missing(connection):
        return None
    version: int | None = connection.scalar(sa.select(sa.func.max(VERSION.c.version)))
    if version is not None and version > PEOPLE_VERSION:
        raise DannError(
            f"{display_url(connection.engine)}: written by a later dann (store version {version}; this one knows up to "
            f"{PEOPLE_VERSION}); upgrade dann"
        )
    return version


def _missing(connection: sa.Connection) -> set[str]:
    """Return the tables that the store lacks, and the column that was added to one later."""
    database = sa.inspect(connection)
    tables, column = set(database.get_table_names()), POSTS.c.author.name
    found = METADATA.tables.keys() - tables
    if POSTS.name in tables and column not in {known["name"] for known in database.get_columns(POSTS.name)}:
        found |= {column}
    return found


def _connected(url: str, wait: float) -> sa.Engine:
    try:
        engine = _engine(sa.make_url(url), wait)
        with explain_errors(engine):
            engine.connect().close()
    except ImportError as error:
        raise DannError(
            f"data.url: {_without_password(url)} needs {error.name}, which is not installed; "
            "for PostgreSQL: pip install 'dann[postgres]'"
        ) from error
    except (sa.exc.ArgumentError, TypeError, ValueError) as error:
        raise DannError(
            f"data.url: {_without_password(url)!r} is not a database dann can open; "
            "leave it empty for SQLite, or give a URL such as postgresql://user@host/dann"
        ) from error
    return engine


def _engine(url: sa.URL, wait: float) -> sa.Engine:
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(max(2, round(wait)))})  # it takes no less
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url)
    if not url.database or url.database == ":memory:":
        raise ValueError("a database in memory is lost on exit")
    _private_file(Path(url.database))
    engine = sa.create_engine(url, connect_args={"timeout": wait})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # a running bot reads while an import writes
        connection.execute("PRAGMA secure_delete=ON")  # overwrite edited and deleted text, not just unlink it

    return engine


_creating = threading.Lock()


def _private_file(path: Path) -> None:
    """Create the file and its folder for their owner only, without opening an existing file.

    Closing a file drops every lock the process holds on it (POSIX), including those of SQLite's other connections, and
    another process could then write to what they have open.
    """
    try:
        with _creating:  # no other thread may open it before it is closed
            private_folder(path.parent)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise DannError(
            f"{path}: the store cannot be opened ({error.strerror}); check data.dir and its permissions"
        ) from error


_REMEDIES = {
    "locked": "another dann is writing to it; try again when that is done",
    "duplicate key": "another dann was adding the same posts; try again",
    "full": "make room on the disk and try again",
    "disk I/O": "make room on the disk if it is full, or check the disk, and try again",
    "readonly": "it must be writable; check its permissions",
    "not a database": "something else is stored there; check data.dir and data.url",
}


@contextmanager
def explain_errors(engine: sa.Engine) -> Iterator[None]:
    """Turn a database error into one line that says what to do; the transaction is already rolled back."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
        remedy = next((remedy for word, remedy in _REMEDIES.items() if word in reason), "check data.url")
        raise DannError(
            f"{display_url(engine)}: the store refused ({reason}), so this was not done; {remedy}"
        ) from error


def display_url(engine: sa.Engine) -> str:
    """Return the database's URL without its password."""
    return engine.url.difference_update_query(["connect_timeout"]).render_as_string(hide_password=True)


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        return url.rpartition("@")[2]
