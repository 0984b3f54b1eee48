"""Adding and reading posts: no duplicates, no losses, newest edit wins; SQLite and PostgreSQL."""

import os
import random
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from model.errors import DannError
from training.store import database
from training.store.post import Post
from training.store.posts import AddResult, PostStore, open_store

HI = Post("a:1", "a", mine=True, time=10.0, text="hi", source="made")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "posts.db"


def add(store: PostStore, *added: Post) -> AddResult:
    with store.writing() as writer:
        return writer.add(added)


def test_a_post_comes_back_as_it_went_in(store: PostStore) -> None:
    odd = Post(
        "b:2",
        "b",
        mine=False,
        time=1600000000.123456,
        text="ünï 😂\n\\t '\"%s;--",
        reply_to="a:1",
        edited=5.5,
        source="x",
    )
    add(store, HI, odd)
    assert list(store.posts()) == [HI, odd]


def test_a_closed_store_still_has_its_posts(url: str) -> None:
    with open_store(url) as store:
        add(store, HI)
    with open_store(url) as store:
        assert list(store.posts()) == [HI]


def test_adding_twice_adds_nothing(store: PostStore) -> None:
    assert add(store, HI) == AddResult(new=1, mine=1)
    assert add(store, HI) == AddResult(duplicates=1)
    assert add(store, replace(HI, time=11.0, channel="elsewhere")) == AddResult(duplicates=1)
    assert list(store.posts()) == [HI]


def test_the_same_id_twice_at_once_is_one_post_and_the_later_wins(store: PostStore) -> None:
    assert add(store, HI, replace(HI, text="hello"), HI, replace(HI, text="hello", edited=3.0)) == AddResult(
        new=1, updated=3, mine=1
    )
    assert [post.text for post in store.posts()] == ["hello"]


@pytest.mark.parametrize(
    ("stored", "incoming", "wins"),
    [
        (None, None, True),  # whoever exports again knows better
        (None, 5.0, True),
        (5.0, 5.0, True),
        (5.0, 6.0, True),
        (6.0, 5.0, False),  # an older export imported after a newer one
        (6.0, None, False),
    ],
)
def test_the_newest_edit_wins_in_whichever_order_exports_come(
    store: PostStore, stored: float | None, incoming: float | None, wins: bool
) -> None:
    add(store, replace(HI, edited=stored))
    added = add(store, replace(HI, text="other words", edited=incoming))
    assert added == (AddResult(updated=1) if wins else AddResult(duplicates=1))
    assert [post.text for post in store.posts()] == ["other words" if wins else "hi"]


def test_learning_later_whose_post_it_is_updates_it(store: PostStore) -> None:
    add(store, replace(HI, mine=False))
    assert add(store, HI).updated == 1
    assert add(store, replace(HI, reply_to="a:0")).updated == 1
    assert list(store.posts()) == [replace(HI, reply_to="a:0")]


def test_counts_always_add_up_and_match_a_model_kept_in_a_dict(store: PostStore) -> None:
    chance = random.Random(7)
    model: dict[str, Post] = {}
    for _ in range(12):
        batch = [
            Post(f"n:{chance.randrange(900)}", "n", mine=chance.random() < 0.5, time=None, text=chance.choice("abc"),
                 edited=chance.choice([None, 1.0, 2.0]))
            for _ in range(700)
        ]  # fmt: skip
        expected = AddResult()
        for post in batch:
            before = model.get(post.id)
            differs = before and (before.text, before.mine) != (post.text, post.mine)
            if before is None:
                expected.new += 1
                expected.mine += post.mine
            elif differs and (post.edited or 0) >= (before.edited or 0):
                expected.updated += 1
            else:
                expected.duplicates += 1
                continue
            model[post.id] = post
        assert add(store, *batch) == expected
    assert {post.id: post for post in store.posts()} == model


def test_posts_come_by_channel_then_time_then_in_the_order_they_were_read(store: PostStore) -> None:
    def post(id_: str, channel: str, time: float | None) -> Post:
        return Post(id_, channel, mine=True, time=time, text=id_)

    add(
        store, post("z", "b", 2.0), post("y", "b", 1.0), post("x", "a", None), post("w", "a", 3.0), post("v", "a", None)
    )
    add(store, post("u", "b", 1.0), post("t", "a", None))
    assert [post.id for post in store.posts()] == ["x", "v", "t", "w", "y", "u", "z"]


def test_all_of_a_file_or_nothing(store: PostStore) -> None:
    add(store, HI)

    def breaking_off() -> Iterator[Post]:
        for number in range(2000):
            yield Post(f"c:{number}", "c", mine=True, time=None, text="x")
        yield replace(HI, text="changed")
        raise DannError("the file ends in the middle")

    with pytest.raises(DannError, match="in the middle"), store.writing() as writer:
        writer.add(breaking_off())
    assert list(store.posts()) == [HI]


def test_the_summary_says_what_is_there(store: PostStore) -> None:
    empty = store.summary()
    assert (empty.mine, empty.context, empty.sources, empty.first, empty.last, empty.bytes) == (0, 0, {}, None, None, 0)
    assert empty.lengths == {}
    assert store.count() == (0, 0)
    add(store, *(Post(f"d:{n}", "d", mine=True, time=None, text="é" * n, source="plain") for n in range(1, 11)))
    add(store, Post("e:1", "e", mine=False, time=50.5, text="x" * 99, source="chat"), replace(HI, text="éé"))
    found = store.summary()
    assert (found.mine, found.context, found.sources) == (11, 1, {"plain": 10, "chat": 1, "made": 1})
    assert store.count() == (11, 1)
    assert (found.first, found.last, found.bytes) == (10.0, 50.5, 2 * 55 + 99 + 4)
    assert found.lengths == {"median": 5, "p90": 9, "longest": 10}


def test_a_store_from_a_later_version_is_refused_and_left_alone(url: str, store: PostStore) -> None:
    add(store, HI)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE dann_schema SET version = 99"))
        connection.execute(text("ALTER TABLE posts RENAME TO entries"))
    with pytest.raises(DannError, match=r"store version 99; .* upgrade dann"), open_store(url):
        pass
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM entries")).scalar() == 1
        connection.execute(text("DROP TABLE entries"))
        with pytest.raises(Exception, match="posts"):
            connection.execute(text("SELECT * FROM posts"))
    engine.dispose()


def test_only_its_owner_may_read_the_store(path: Path) -> None:
    before = os.umask(0)
    try:
        with open_store(f"sqlite:///{path}") as store:
            add(store, HI)
            modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in [path.parent, *path.parent.iterdir()]}
    finally:
        os.umask(before)
    assert modes.pop("data") == 0o700
    assert modes == dict.fromkeys(["posts.db", "posts.db-wal", "posts.db-shm"], 0o600)


def test_posts_can_be_read_while_an_import_writes(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store, open_store(f"sqlite:///{path}") as reader:
        add(store, HI)
        with store.writing() as writer:
            writer.add([replace(HI, id="a:2")])
            assert list(reader.posts()) == [HI]
        assert len(list(reader.posts())) == 2


def test_a_locked_store_is_one_line_and_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    with open_store(f"sqlite:///{path}") as store, open_store(f"sqlite:///{path}") as second:
        with store.writing() as writer:
            writer.add([HI])
            with pytest.raises(DannError, match=r"locked.*another dann is writing"):
                add(second, replace(HI, id="a:2"))
        assert list(second.posts()) == [HI]


def test_two_imports_at_once_wait_for_each_other_and_add_nothing_twice(url: str) -> None:
    shared = [Post(f"f:{n}", "f", mine=True, time=None, text="x") for n in range(3000)]
    outcomes: list[AddResult | str] = []

    def importing() -> None:
        with open_store(url) as store:
            try:
                outcomes.append(add(store, *shared))
            except DannError as error:  # PostgreSQL lets both begin, and refuses the second where they collide
                outcomes.append(str(error))

    with open_store(url) as store:
        add(store, HI)
        threads = [threading.Thread(target=importing) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.summary().mine == 3001
    assert AddResult(new=3000, mine=3000) in outcomes
    (other,) = [outcome for outcome in outcomes if outcome != AddResult(new=3000, mine=3000)]
    assert other == AddResult(duplicates=3000) or "was adding the same posts; try again" in str(other)


def test_a_full_disk_is_one_line_and_loses_nothing(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        add(store, HI)
        event_limit(store, "PRAGMA max_page_count = 20")
        with pytest.raises(DannError, match=r"full.*make room"):
            add(store, *(Post(f"g:{n}", "g", mine=True, time=None, text="x" * 500) for n in range(5000)))
        assert list(store.posts()) == [HI]


def event_limit(store: PostStore, pragma: str) -> None:
    """Limit every new connection of the store as a full disk would."""
    with store._engine.connect() as connection:  # the pool hands the same one out again
        connection.exec_driver_sql(pragma)


def test_a_read_only_store_is_one_line(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        event_limit(store, "PRAGMA query_only = ON")
        with pytest.raises(DannError, match=r"readonly.*must be writable"):
            add(store, HI)


def unreachable_folder(tmp_path: Path) -> str:
    (tmp_path / "file").write_text("in the way")
    return f"sqlite:///{tmp_path / 'file' / 'posts.db'}"


def not_a_database(tmp_path: Path) -> str:
    (tmp_path / "notes.db").write_text("these are notes, and nobody may lose them\n" * 50)
    return f"sqlite:///{tmp_path / 'notes.db'}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (lambda _: "posts.db", r"data.url: 'posts.db' is not a database dann can open; .*postgresql://"),
        (lambda _: "sqlite://", "data.url: 'sqlite://' is not a database"),  # in memory: gone when the command ends
        (lambda _: "nosql://host/x", "data.url: 'nosql://host/x' is not a database"),
        (lambda _: "oracle://host/x", r"data.url: oracle://host/x needs \w+, which is not installed"),
        (lambda _: "postgresql://me:hunter2@host:port/x", "data.url: 'host:port/x' is not a database"),
        (lambda _: "postgres://me:hunter2@127.0.0.1:1/x", r"me:\*\*\*@127.0.0.1:1/x: .*refused.*check data.url"),
        (unreachable_folder, "posts.db: the store cannot be opened .*check data.dir"),
        (lambda path: f"sqlite:///{path}", "the store cannot be opened .*directory"),
        (not_a_database, r"not a database.*something else is stored there"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line_without_the_password(
    tmp_path: Path, url: Callable[[Path], str], said: str
) -> None:
    with pytest.raises(DannError, match=said) as caught, open_store(url(tmp_path)):
        pass
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_is_no_store_is_left_as_it_is(tmp_path: Path) -> None:
    url = not_a_database(tmp_path)
    before = (tmp_path / "notes.db").read_bytes()
    with pytest.raises(DannError), open_store(url):
        pass
    assert (tmp_path / "notes.db").read_bytes() == before


def test_the_file_is_plain_sqlite_without_a_place_for_names(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        add(store, HI)
    connection = sqlite3.connect(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(posts)")]
    connection.close()
    assert columns == [
        "seq",
        "id",
        "channel",
        "mine",
        "time",
        "text",
        "reply_to",
        "edited",
        "source",
        "author",
    ]  # a digest
