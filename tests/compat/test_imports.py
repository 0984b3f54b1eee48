"""What 0eb29d7 imported is known again: importing its exports once more adds nothing, and what was forgotten stays out.

The store is in imports-0eb29d7.tar.xz, made by make_imports.py. When this fails, an identity has changed: people who import a
newer export would get everything twice, and what they had forgotten would come back. Mend the reader, not the record.
"""

import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.compat.make_imports import EXPORTS, FORGOTTEN, ME
from training.posts.importer import ImportReport, scan_exports, store_exports
from training.store.posts import open_store

ARCHIVE = Path(__file__).with_name("imports-0eb29d7.tar.xz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


def load(folder: Path, path: Path, me: str = ME) -> ImportReport:
    with open_store(f"sqlite:///{folder / 'data' / 'posts.db'}") as store:
        return store_exports(store, scan_exports([path], me, known=store.owners, all_mine=("text", "csv", "jsonl")))


def texts(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "data" / "posts.db")) as connection:
        return dict(connection.execute("SELECT id, text FROM posts").fetchall())


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_was_imported_before_adds_nothing(folder: Path, name: str) -> None:
    before = texts(folder)
    report = load(folder, folder / "exports" / name)
    after = texts(folder)
    assert report.read > report.forgotten > 0  # each has something that was forgotten
    assert (report.kept, after.keys()) == (0, before.keys())
    assert not [text for text in after.values() if FORGOTTEN in text]


def test_all_at_once_add_nothing(folder: Path) -> None:
    before = texts(folder)
    report = load(folder, folder / "exports")
    assert (report.kept, texts(folder).keys()) == (0, before.keys())
    assert report.forgotten > 0


def renamed(text: str) -> Iterator[str]:
    """Yield a chat's text as other exports of it have it."""
    yield text.replace(" sam: ", " Sam of the Shed: ")
    yield text + "01/09/2023, 10:00 - Pip: hello both\n"
    yield text.partition("\n")[2]


@pytest.mark.parametrize("number", range(3))
def test_a_chat_that_changed_since_then_adds_what_is_new_and_nothing_forgotten(folder: Path, number: int) -> None:
    before = texts(folder)
    chat = folder / "exports" / "sam.txt"
    chat.write_text(list(renamed(chat.read_text()))[number])
    report = load(folder, chat)
    new = [text for id_, text in texts(folder).items() if id_ not in before]
    assert new == (["hello both"] if number == 1 else [])
    assert report.forgotten > 0


def test_a_table_of_another_name_adds_nothing(folder: Path) -> None:
    before = texts(folder)
    other = (folder / "exports" / "den.csv").rename(folder / "exports" / "den (before 2025).csv")
    assert load(folder, other).forgotten == 1
    assert texts(folder).keys() == before.keys()


def test_names_that_were_kept_are_hidden_when_their_export_is_imported_again(folder: Path) -> None:
    assert any("Lurking" in text for text in texts(folder).values())
    assert load(folder, folder / "exports" / "den.csv").updated > 0
    assert not any("Lurking" in text for text in texts(folder).values())
