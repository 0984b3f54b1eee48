"""Forgetting posts: selection, tombstones, and no trace in the database's file."""

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from model.errors import DannError
from training.store.post import Post
from training.store.posts import AddResult, PostStore, open_store
from training.store.selector import Selector
from training.store.tables import SCHEMA_VERSION

HI = Post("a:1", "a", mine=True, time=10.0, text="hi", source="made")
OTHER = Post("a:2", "a", mine=False, time=20.0, text="my number is 555 0199", source="made", reply_to="a:1")
LATE = Post("b:1", "b", mine=True, time=None, text="STRAẞE, no. 5", source="elsewhere")


def add(store: PostStore, *added: Post) -> AddResult:
    with store.writing() as writer:
        return writer.add(added)


def forget(store: PostStore, *ids: str) -> int:
    with store.writing() as writer:
        return writer.forget(ids)


def test_a_forgotten_post_is_gone_and_stays_out(store: PostStore) -> None:
    add(store, HI, OTHER)
    assert forget(store, "a:2") == 1
    assert list(store.posts()) == [HI]
    again = [HI, replace(OTHER, text="edited since", edited=99.0), replace(OTHER, id="a:3")]
    assert add(store, *again) == AddResult(new=1, duplicates=1, forgotten=1)
    assert [post.id for post in store.posts()] == ["a:1", "a:3"]


def test_forgetting_twice_and_what_is_not_there_changes_nothing(store: PostStore) -> None:
    add(store, HI, OTHER)
    assert forget(store, "a:2", "a:99", "a:2") == 1
    assert forget(store, "a:2", "a:99") == 0
    assert (store.has_forgotten("a:2"), store.has_forgotten("a:99"), store.has_forgotten("a:1")) == (True, False, False)
    assert add(store, replace(HI, id="a:99")).new == 1


def test_thousands_are_forgotten_and_stay_out(store: PostStore) -> None:
    posts = [Post(f"n:{number}", "n", mine=True, time=1.0, text="x") for number in range(2300)]
    add(store, *posts)
    assert forget(store, *(post.id for post in posts[:2200])) == 2200
    assert add(store, *posts) == AddResult(duplicates=100, forgotten=2200)


def test_an_interrupted_forgetting_forgets_nothing(store: PostStore) -> None:
    add(store, HI, OTHER)

    def interrupted() -> None:
        with store.writing() as writer:
            writer.forget(["a:1", "a:2"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(store.posts()) == [HI, OTHER]
    assert add(store, HI) == AddResult(duplicates=1)


def test_a_format_that_knows_no_answers_takes_none_away(store: PostStore) -> None:
    add(store, HI, OTHER)
    assert add(store, replace(OTHER, reply_to=None)) == AddResult(duplicates=1)
    assert add(store, replace(OTHER, reply_to=None, text="edited", edited=30.0)) == AddResult(updated=1)
    assert [post.reply_to for post in store.posts()] == [None, "a:1"]


@pytest.mark.parametrize(
    ("selector", "ids"),
    [
        (Selector(contains="555"), ["a:2"]),
        (Selector(contains="MY Number"), ["a:2"]),
        (Selector(contains="strasse"), ["b:1"]),
        (Selector(contains="№ 5"), []),
        (Selector(contains="n"), ["a:2", "b:1"]),
        (Selector(contains="%"), []),
        (Selector(id="a:1"), ["a:1"]),
        (Selector(id="a"), []),
        (Selector(source="elsewhere"), ["b:1"]),
        (Selector(channel="b"), ["b:1"]),
        (Selector(channel="a"), ["a:1", "a:2"]),
        (Selector(before=20.0), ["a:1"]),
        (Selector(before=99.0), ["a:1", "a:2"]),
    ],
)
def test_posts_are_found_by_one_thing_about_them(store: PostStore, selector: Selector, ids: list[str]) -> None:
    add(store, HI, OTHER, LATE)
    found = store.find(selector)
    assert sorted(found.ids) == ids
    assert found.mine == len([id_ for id_ in ids if id_ != "a:2"])
    assert found.without_time == ("b:1" in ids)
    times = [post.time for post in (HI, OTHER) if post.id in ids]
    assert (found.oldest, found.newest) == ((times[0], times[-1]) if times else (None, None))


def test_a_chat_is_its_channel_and_its_topics_alone(store: PostStore) -> None:
    add(
        store, *(replace(HI, id=f"{n}", channel=channel) for n, channel in enumerate(("t:7", "t:7:1", "t:71", "t_7:1")))
    )
    assert store.find(Selector(channel="t:7")).ids == ["0", "1"]
    assert store.find(Selector(channel="t_7")).ids == ["3"]


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_what_was_forgotten_or_edited_is_in_no_byte_of_the_files(folder: Path) -> None:
    """Also while the store is open and its -wal file is there, and for text that was edited before it was forgotten."""
    long = "a long secret " * 600  # overflows its page
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        add(
            store,
            HI,
            replace(OTHER, text="first wording"),
            *(replace(HI, id=f"c:{n}", text=f"filler {n}") for n in range(900)),
        )
        add(store, replace(OTHER, edited=30.0), replace(HI, id="a:4", text=long))
        assert b"555 0199" in on_disk(folder)
        forget(store, "a:2", "a:4")
        store.scrub()
        left = on_disk(folder)
        assert (folder / "posts.db-wal").exists()
        for secret in (b"555 0199", b"first wording", b"a long secret"):
            assert secret not in left
        assert b"filler 899" in left
        assert len(list(store.posts())) == 901
    assert b"a:2" in on_disk(folder), "the id is what keeps it out"


def test_a_reader_keeps_the_old_text_in_the_log_and_that_is_said(folder: Path) -> None:
    url = f"sqlite:///{folder}/posts.db"
    with open_store(url) as store:
        add(store, HI, OTHER)
    with open_store(url, wait=0.1) as store, open_store(url) as reader:
        reading = reader.posts()
        next(reading)
        forget(store, "a:2")
        with pytest.raises(DannError, match=r"reading it.*-wal|locked") as caught:
            store.scrub()
        assert "\n" not in str(caught.value)
        assert [HI, *(post for post in reading)] == [HI, OTHER], "a reader ends with what it began with"
        store.scrub()
        assert b"555 0199" not in on_disk(folder)


OLD = """
CREATE TABLE dann_schema (version INTEGER NOT NULL);
CREATE TABLE posts (
    seq INTEGER NOT NULL, id TEXT NOT NULL, channel TEXT NOT NULL, mine BOOLEAN NOT NULL, time FLOAT,
    text TEXT NOT NULL, reply_to TEXT, edited FLOAT, source TEXT NOT NULL, PRIMARY KEY (seq), UNIQUE (id)
);
INSERT INTO dann_schema VALUES (1);
INSERT INTO posts VALUES (7, 'a:1', 'a', 1, 10.0, 'hi', NULL, NULL, 'made');
"""


def test_a_store_of_the_first_version_opens_and_gains_what_it_lacks(folder: Path) -> None:
    """And a dann of that version, which knows no tombstones, will refuse it: it looks at this number."""
    folder.mkdir()
    with sqlite3.connect(folder / "posts.db") as connection:
        connection.executescript(OLD)
    connection.close()
    for _ in range(2):
        with open_store(f"sqlite:///{folder}/posts.db") as store:
            assert list(store.posts()) == [HI]
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        forget(store, "a:1")
        assert add(store, HI) == AddResult(forgotten=1)
    connection = sqlite3.connect(folder / "posts.db")
    assert connection.execute("SELECT version FROM dann_schema").fetchall() == [(SCHEMA_VERSION,)]
    connection.close()


def test_an_old_store_is_raised_on_postgresql_too(url: str, store: PostStore) -> None:
    add(store, HI)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE dann_schema SET version = 1"))
        connection.execute(text("DROP TABLE forgotten"))
    with open_store(url) as raised:
        assert list(raised.posts()) == [HI]
        assert forget(raised, "a:1") == 1
        raised.scrub()
        assert add(raised, HI) == AddResult(forgotten=1)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version FROM dann_schema")).scalars().all() == [SCHEMA_VERSION]
    engine.dispose()


@pytest.mark.parametrize("old", [OLD, ""])
def test_several_that_open_an_old_or_new_store_at_once_all_get_in(folder: Path, old: str) -> None:
    folder.mkdir()
    with sqlite3.connect(folder / "posts.db") as connection:
        connection.executescript(old)
    connection.close()
    read: list[list[Post]] = []

    def opening() -> None:
        with open_store(f"sqlite:///{folder}/posts.db") as store:
            read.append(list(store.posts()))

    threads = [threading.Thread(target=opening) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [[HI] if old else []] * 4
