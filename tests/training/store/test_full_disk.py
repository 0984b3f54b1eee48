"""A full disk: the import ends in one line, is undone, and its log does not keep the disk full."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from model.errors import DannError
from training.store.post import Post
from training.store.posts import open_store

PAGES = 1_500
"""A database of 6 MB at most, in place of a full disk: SQLite gives the same error."""


def posts(count: int, size: int) -> list[Post]:
    return [Post(f"p{number}", "c", mine=True, time=None, text="x" * size) for number in range(count)]


def test_an_import_that_fills_the_disk_is_undone_and_leaves_no_log(tmp_path: Path) -> None:
    file = tmp_path / "posts.db"
    with open_store(f"sqlite:///{file}") as store:
        with store.writing() as writer:
            writer.add(posts(3, 100))

        @sa.event.listens_for(store._engine, "connect")
        def _limit(connection: object, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={PAGES}")  # type: ignore[attr-defined]

        store._engine.dispose()
        with pytest.raises(DannError, match=r"full.*make room on the disk and try again"), store.writing() as writer:
            writer.add(posts(3_000, 4_000))
        log = Path(f"{file}-wal")
        assert not log.exists() or log.stat().st_size == 0
        assert store.count() == (3, 0)
