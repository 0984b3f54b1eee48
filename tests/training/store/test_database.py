"""Opening a database that other connections and processes have open."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from training.store.database import _private_file, open_database, writing
from training.store.tables import VERSION

ANOTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM dann_schema").fetchall()
connection.close()
"""


def test_opening_it_again_leaves_the_locks_of_who_has_it_open(tmp_path: Path) -> None:
    """If this fails, another process takes itself for the last one, and removes the log that a connection here still reads
    and writes: the database is damaged. POSIX locks go when any descriptor of the file is closed.
    """
    path = tmp_path / "posts.db"
    with open_database(f"sqlite:///{path}") as first:
        with writing(first) as connection:
            connection.execute(VERSION.insert(), {"version": 1})
        with open_database(f"sqlite:///{path}"):
            pass
        subprocess.run([sys.executable, "-c", ANOTHER, str(path)], check=True)
        assert (tmp_path / "posts.db-wal").exists()
    subprocess.run([sys.executable, "-c", ANOTHER, str(path)], check=True)
    assert [file.name for file in tmp_path.iterdir()] == ["posts.db"]


def test_who_finds_it_locked_waits_for_half_a_minute_or_as_long_as_asked(tmp_path: Path) -> None:
    for wait, seconds in ((None, 30), (0.5, 0.5)):
        with open_database(f"sqlite:///{tmp_path / 'posts.db'}", wait) as database, database.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1000 * seconds


def test_many_may_make_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "posts.db"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(_private_file, [path] * 16))
    assert [file.name for file in path.parent.iterdir()] == ["posts.db"]
    assert path.stat().st_mode & 0o777 == 0o600
