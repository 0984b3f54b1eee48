"""Who wrote what is told by keyed digests, and by nobody's name; the secret is made once, whole, and for one installation."""

import hashlib
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from model.errors import DannError
from training.cli.main import main
from training.config.tables import DataConfig
from training.posts.author_key import AuthorKey
from training.posts.owner import owner_digest
from training.posts.secret_file import author_key
from training.store.posts import open_store

CHAT = """\
{"id": "1", "channel": "shed", "author": "sam", "text": "did you water the beans"}
{"id": "2", "channel": "shed", "author": {"id": "77", "name": "Oleander"}, "text": "my number is 555 0199"}
"""
KEY = AuthorKey(b"k" * 32)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> DataConfig:
    monkeypatch.chdir(tmp_path)
    Path("chat.jsonl").write_text(CHAT)
    assert main(["import", "chat.jsonl", "--me", "sam", "-q"]) == 0
    capsys.readouterr()
    return DataConfig()


def rows(query: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect("data/posts.db")) as connection, connection:
        return connection.execute(query).fetchall()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_an_author_is_found_by_id_and_by_each_name_and_no_name_is_stored(data: DataConfig) -> None:
    with open_store(data.store_url) as store:
        key = author_key(data, store)
        found = [store.authors_of([digest]) for digest in (key.id("77"), key.name("@OLEANDER "), key.id("sam"))]
    assert found[0] == found[1] == [frozenset({key.author("jsonl", "77")})]
    assert found[2] == [frozenset({key.author("jsonl", "sam")})]
    files = b"".join(path.read_bytes() for path in Path("data").rglob("*") if path.is_file())
    assert b"leander" not in files
    plain = hashlib.sha256(b"jsonl\0sam").hexdigest()
    assert plain == owner_digest("jsonl", "sam")
    assert plain.encode() not in files, "whoever has a list of names could find it"


def test_one_person_has_one_digest_on_a_platform_and_another_with_another_secret() -> None:
    assert KEY.author("discord-package", "901") == KEY.author("discord-live", "901") != KEY.author("x", "901")
    assert KEY.author("telegram", "user77") == KEY.author("telegram-live", "77")
    assert KEY.author("discord-chat-exporter", "901") != AuthorKey(b"j" * 32).author("discord-chat-exporter", "901")
    nobody = [("jsonl", ""), ("telegram", "telegram"), ("whatsapp", "WhatsApp"), ("discord-chat-exporter", "discord")]
    assert [KEY.digests(source, id_, ()) for source, id_ in nobody] == [(None, ())] * 4


def test_posts_of_before_get_their_author_by_importing_again(
    capsys: pytest.CaptureFixture[str], data: DataConfig
) -> None:
    before = rows("SELECT id, text, author FROM posts ORDER BY seq")
    rows("UPDATE posts SET author = NULL")
    with open_store(data.store_url) as store:
        assert store.count_without_author() == 1
    assert main(["import", "chat.jsonl", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kept"], report["duplicates"], report["authored"]) == (0, 2, 2)
    assert rows("SELECT id, text, author FROM posts ORDER BY seq") == before


def test_who_was_renamed_is_one_person(data: DataConfig) -> None:
    """An export without ids: the same message under another name. What is said by many tells nobody."""
    text = "hello from the other side"
    for name in ("Ann", "Ann K."):
        Path("again.csv").write_text(f"author,time,text\nsam,1700000000,hi\n{name},1700000060,{text}\n")
        assert main(["import", "again.csv", "--me", "sam", "-q"]) == 0
    with open_store(data.store_url) as store:
        key = author_key(data, store)
        (one,) = store.authors_of([key.id("ann k.")])
        assert one == {key.author("csv", "Ann"), key.author("csv", "Ann K.")}
        assert store.authors_of([key.name("ann"), key.id("ann")]) == [one]
    text = "ok"
    for name in ("Bo", "Cy"):
        Path("again.csv").write_text(f"author,time,text\nsam,1700000000,hi\n{name},1700000060,{text}\n")
        assert main(["import", "again.csv", "--me", "sam", "-q"]) == 0
    with open_store(data.store_url) as store:
        assert store.authors_of([key.id("bo")]) == [frozenset({key.author("csv", "Bo")})]


OLD = [
    "ALTER TABLE posts DROP COLUMN author", "DROP TABLE author_names", "DROP TABLE people", "DROP TABLE installation",
    "UPDATE dann_schema SET version = 3",
]  # fmt: skip


def test_an_older_store_gains_what_it_lacks_and_its_owner_is_keyed(
    capsys: pytest.CaptureFixture[str], data: DataConfig
) -> None:
    plain = owner_digest("jsonl", "sam")
    for statement in (*OLD, f"UPDATE owners SET digest = '{plain}'"):
        rows(statement)
    Path("data/secret").unlink()
    posts = rows("SELECT * FROM posts ORDER BY seq")
    assert main(["posts", "-q"]) == 0
    assert rows("SELECT seq, id, channel, mine, time, text, reply_to, edited, source FROM posts ORDER BY seq") == posts
    capsys.readouterr()
    assert main(["import", "chat.jsonl", "--json"]) == 0, "who the owner is was remembered"
    assert json.loads(capsys.readouterr().out)["authored"] == 2
    ((keyed,),) = rows("SELECT digest FROM owners")
    with open_store(data.store_url) as store:
        assert keyed == author_key(data, store).owner(plain) != plain


def test_many_first_starts_make_one_secret(tmp_path: Path) -> None:
    data = DataConfig(dir=tmp_path / "fresh" / "data")

    def start(_number: int) -> str:
        with open_store(data.store_url) as store:
            return author_key(data, store).fingerprint

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(start, range(6)))) == 1
    assert (data.dir / "secret").stat().st_mode & 0o777 == 0o600
    assert [data.dir.stat().st_mode & 0o777, data.dir.parent.stat().st_mode & 0o777] == [0o700, 0o700]


def test_a_start_that_was_killed_while_it_made_the_secret_is_taken_up_again(tmp_path: Path) -> None:
    data = DataConfig(dir=tmp_path / "other")
    with open_store(data.store_url) as store:
        (data.dir / ".aside-secret").write_text("ab")  # before it was renamed
        made = author_key(data, store)
        assert author_key(data, store).fingerprint == made.fingerprint
        with store.writing() as writer:
            writer.drop_digests()  # or between the file and the store
        assert author_key(data, store).fingerprint == made.fingerprint


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda file: file.unlink(), "data/secret: is gone, and "),
        (
            lambda file: file.chmod(0o640),
            "data/secret: others can read it (mode 640, where 600 is allowed); run `chmod ",
        ),
        (lambda file: file.write_text(f"{'a' * 64}\n"), "data/secret: is another installation's, not the one "),
        (lambda file: file.write_text("ab"), "data/secret: holds no secret of dann's (2 characters, where 64 "),
        (lambda file: file.write_bytes(b"\xff" * 65), "data/secret: cannot be read (it is no text); "),
    ],
)
def test_a_secret_that_cannot_be_right_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], harm: object, said: str
) -> None:
    assert callable(harm)
    harm(Path("data/secret"))
    before = rows("SELECT id, author FROM posts")
    assert refused(capsys, "import", "chat.jsonl", "--me", "sam").startswith(f"dann: {said}")
    assert rows("SELECT id, author FROM posts") == before


def test_another_secret_is_begun_with_where_it_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    before = rows("SELECT author FROM posts")
    Path("data/secret").unlink()
    assert main(["import", "chat.jsonl", "--me", "sam", "--new-secret", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["authored"] == 2
    after = rows("SELECT author FROM posts")
    assert all(author for (author,) in after)
    assert set(after).isdisjoint(before)
    assert main(["import", "chat.jsonl", "-q"]) == 0


def test_two_folders_with_one_store_are_told_apart(tmp_path: Path) -> None:
    other = DataConfig(dir=tmp_path / "elsewhere", url=f"sqlite:///{tmp_path}/data/posts.db")
    with open_store(other.store_url) as store, pytest.raises(DannError, match="is gone"):
        author_key(other, store)
