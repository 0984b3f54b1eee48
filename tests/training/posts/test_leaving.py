"""One person leaves: no byte of theirs stays, none comes back, and nothing says so before it is true."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from model.checkpoints import checkpoint
from model.checkpoints.folder import current, withdrawn
from model.checkpoints.retention import list_checkpoints, pin
from model.checkpoints.rollback import fallbacks, rollback
from model.errors import DannError
from tests.model.small_networks import META, snapshot
from tests.training.full_disk import full_disk
from training.cli.main import main
from training.config.tables import DataConfig
from training.posts import leaving
from training.posts.author_key import shown
from training.posts.leaving import find_person, finish_leaving, forget_person, learned_by
from training.posts.secret_file import author_key
from training.servers import ask_servers, registered
from training.store.post import Post
from training.store.posts import PostStore, open_store

CHAT = """\
{"id": "1", "channel": "shed", "author": "sam", "time": "2023-05-01T10:00:00Z", "text": "did you water the beans"}
{"id": "2", "channel": "shed", "author": {"id": "77", "name": "Ann"}, "time": "2023-05-02T10:01Z", "text": "it is 555 0199"}
{"id": "3", "channel": "shed", "author": {"id": "78", "name": "Bo"}, "time": "2023-05-03T10:02:30Z", "text": "so i heard"}
"""
LATER = (
    CHAT + '{"id": "4", "channel": "shed", "author": {"id": "77", "name": "Annie"}, "text": "call 555 0199 again"}\n'
)
KIMS = '{"author": "sam", "text": "hi"}\n' + "".join(
    f'{{"author": {{"id": "{n}", "name": "Kim"}}, "text": "i am {n}"}}\n' for n in (1, 2)
)
THEIRS = b"555 0199"
STEPS = ("remove_derived", "drop_collected", "ask_servers", "remove_withdrawn", "_scrub")
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> DataConfig:
    """The default data folder with three people's posts, a run that may quote them, and a message that waits."""
    monkeypatch.chdir(tmp_path)
    Path("chat.jsonl").write_text(CHAT)
    assert main(["import", "chat.jsonl", "--me", "sam", "-q"]) == 0
    capsys.readouterr()
    data = DataConfig()
    with open_store(data.store_url) as store:
        author = author_key(data, store).author("jsonl", "77")
    waiting = Post("jsonl:9", "c", mine=False, time=None, text="555 0199", author=author)
    line = json.dumps({"id": waiting.id, "post": asdict(waiting)})
    (data.dir / "collected.jsonl").write_text(f'{line}\n{{"id": "jsonl:8", "post": null}}\n')
    folder = data.runs / "one"
    folder.mkdir(parents=True)
    for name in ("samples.txt", "tokenizer.json", "resume.safetensors"):
        (folder / name).write_text("it is 555 0199")
    (folder / "metrics.jsonl").write_text("{}")
    return data


@pytest.fixture
def store(data: DataConfig) -> Iterator[PostStore]:
    with open_store(data.store_url) as opened:
        yield opened


def stored_bytes(data: DataConfig) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.dir.rglob("*")) if path.is_file())


def texts(store: PostStore) -> list[str]:
    return [post.text for post in store.posts()]


def forgotten(store: PostStore, data: DataConfig, name: str = "Ann", *, now: bool = False) -> leaving.LeavingResult:
    return forget_person(store, data, find_person(store, author_key(data, store), name), now=now)


def told(capsys: Captured, *command: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*command, "--json", "-q"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def make_checkpoints(data: DataConfig, **noted: dict[str, Any]) -> None:
    """Save and publish checkpoints, each with these fields of its meta."""
    held = snapshot()
    for id_, fields in noted.items():
        meta = META.model_copy(update={"created": "2026-01-01T00:00:00+00:00", "started_from": "", **fields})
        checkpoint.save(data.checkpoints, id_, held.model, held.tokenizer, meta)
        checkpoint.publish(data.checkpoints, id_)


def test_no_byte_of_theirs_stays_and_none_comes_back(data: DataConfig, capsys: Captured) -> None:
    assert THEIRS in stored_bytes(data)
    result = told(capsys, "forget", "--author", "@ANN", "--yes")
    assert (result["forgotten"], result["mine"], result["context"], result["runs"]) == (1, 0, 1, ["one"])
    assert THEIRS not in stored_bytes(data)
    assert {path.name for path in (data.runs / "one").iterdir()} == {"metrics.jsonl"}
    assert (data.dir / "collected.jsonl").read_text() == '{"id": "jsonl:8", "post": null}\n'
    Path("later.jsonl").write_text(LATER)
    report = told(capsys, "import", "later.jsonl")
    assert (report["kept"], report["duplicates"], report["forgotten"]) == (0, 2, 2), "a new message of theirs too"
    assert THEIRS not in stored_bytes(data)


def test_what_has_no_author_goes_when_its_export_is_read_again(store: PostStore, capsys: Captured) -> None:
    """As what was stored before there were authors."""
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE posts SET author = NULL WHERE seq = 2")
    Path("more.jsonl").write_text(LATER.splitlines()[3] + "\n" + CHAT.splitlines()[0] + "\n")
    assert main(["import", "more.jsonl", "-q"]) == 0
    capsys.readouterr()
    result = told(capsys, "forget", "--author", "77", "--yes")
    assert (result["forgotten"], result["without_author"]) == (1, 1)
    assert "it is 555 0199" in texts(store)
    assert main(["import", "chat.jsonl", "-q"]) == 0
    assert texts(store) == ["did you water the beans", "so i heard"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Zoe", "--author Zoe: nobody with this id or name wrote a stored post; give a name or an id as "),
        (" ", "--author '': is empty; "),
        ("person:12", "--author person:12: person: takes 6 or more letters and digits"),
        ("person:123456", "--author person:123456: nobody with this id or name wrote a stored post"),
        ("Kim", "--author Kim: several people are known by this: person:"),
    ],
)
def test_nobody_and_several_are_one_line(given: str, said: str, capsys: Captured, store: PostStore) -> None:
    Path("kim.jsonl").write_text(KIMS)
    assert main(["import", "kim.jsonl", "-q"]) == 0
    capsys.readouterr()
    before = texts(store)
    assert main(["forget", "--author", given, "--yes"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"dann: {said}")
    assert texts(store) == before


def test_one_of_several_is_named_as_dann_shows_them(capsys: Captured, data: DataConfig, store: PostStore) -> None:
    Path("kim.jsonl").write_text(KIMS)
    assert main(["import", "kim.jsonl", "-q"]) == 0
    person = shown(author_key(data, store).author("jsonl", "2") or "")
    assert told(capsys, "forget", "--author", person, "--yes")["forgotten"] == 1
    assert "i am 1" in texts(store)
    assert "i am 2" not in texts(store)


def test_files_that_still_hold_it_are_listed(data: DataConfig, capsys: Captured) -> None:
    done = data.dir / "inbox" / "done"
    done.mkdir(parents=True)
    (done / "chat.jsonl").write_text(CHAT)
    (done / "other.jsonl").write_text(CHAT.splitlines()[2] + "\n")
    (done / "cut.zip").write_bytes(b"PK\x03\x04cut")
    result = told(capsys, "forget", "--author", "Ann", "--yes")
    assert (result["exports"], result["unread_exports"]) == (
        ["data/inbox/done/chat.jsonl"],
        ["data/inbox/done/cut.zip"],
    )


LEARNED = {"highest_seq": 3}
CLEAN = {"highest_seq": 1}


def test_from_now_on_none_that_learned_it_serves_and_the_newest_other_does(data: DataConfig, store: PostStore) -> None:
    make_checkpoints(data, a=CLEAN, b=CLEAN, c=LEARNED, d=LEARNED)
    pin(data.checkpoints, "c")
    result = forgotten(store, data, now=True)
    root = data.checkpoints
    assert (result.withdrawn, result.serves, current(root), withdrawn(root)) == (["c", "d"], "b", "b", ["c", "d"])
    assert [info.id for info in list_checkpoints(root)] == ["a", "b"]
    make_checkpoints(data, e=CLEAN)  # c comes back from a backup, with all that names it
    held = snapshot()
    checkpoint.save(root, "c", held.model, held.tokenizer, META)
    for name in ("PINNED", "SERVED"):
        (root / name).write_text("b\nc\n")
    for act in (checkpoint.load, checkpoint.publish, rollback, pin):
        with pytest.raises(DannError, match="c learned posts that were forgotten since, and does not serve again"):
            act(root, "c")
    assert fallbacks(root) == ["b"]
    (root / "CURRENT").write_text("c\n")
    with pytest.raises(DannError, match="forgotten since"):
        checkpoint.load(root)


def test_where_all_learned_it_none_serves(data: DataConfig, store: PostStore) -> None:
    make_checkpoints(data, a=LEARNED, b={"highest_seq": None, "created": "2024-01-01T00:00:00+00:00"})
    result = forgotten(store, data, now=True)
    assert (result.withdrawn, result.serves, current(data.checkpoints)) == (["a", "b"], None, None)


def test_who_learned_it_is_known_after_it_is_gone(data: DataConfig, store: PostStore) -> None:
    """Made later of clean weights, a checkpoint has not learned what was deleted before; of others, it has."""
    make_checkpoints(data, a=LEARNED)
    forgotten(store, data)
    later = {"created": "2999-01-01T00:00:00+00:00", "highest_seq": 3}
    make_checkpoints(
        data, b=later | {"started_from": "a"}, c=later, d=later | {"started_from": "c"}, e=later | {"started_from": "z"}
    )
    leaver = find_person(store, author_key(data, store), "Ann")
    assert learned_by(data.checkpoints, leaver) == ["a", "b", "e"]
    assert forgotten(store, data, now=True).withdrawn == ["a", "b", "e"]
    assert current(data.checkpoints) == "d"


class Killed(BaseException):
    """Stands for kill -9: nothing handles it."""


@pytest.mark.parametrize("step", ["withdraw", "_delete", *STEPS])
def test_killed_at_any_step_it_says_nothing_and_is_taken_up_again(
    step: str, data: DataConfig, store: PostStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoints(data, a=CLEAN, b=LEARNED)
    with monkeypatch.context() as patched:

        def die(*_: object, **__: object) -> None:
            raise Killed

        patched.setattr(leaving, step, die)
        with pytest.raises(Killed):
            forgotten(store, data, now=True)
    deleted = step in STEPS
    assert ("it is 555 0199" in texts(store)) is not deleted
    (people,) = store.people().values() or [None]
    assert people is None or people.finished is None
    assert (current(data.checkpoints) == "b") is (step == "withdraw")
    if deleted:  # at the next start, without being asked
        assert finish_leaving(store, data) == 1
        assert finish_leaving(store, data) == 0
    assert forgotten(store, data, now=True).serves in {"a", None}
    assert THEIRS not in stored_bytes(data)
    assert current(data.checkpoints) == "a"
    assert [info.id for info in list_checkpoints(data.checkpoints)] == ["a"]


def test_a_full_disk_is_one_line_and_says_what_was_done(data: DataConfig, store: PostStore) -> None:
    Path("many.jsonl").write_text(
        '{"author": "sam", "text": "hi"}\n'
        + "".join(f'{{"id": "m{n}", "author": "Cy", "text": "{n} {"word " * 60}"}}\n' for n in range(400))
    )
    assert main(["import", "many.jsonl", "-q"]) == 0
    make_checkpoints(data, a=CLEAN, b={"highest_seq": 300})
    before = texts(store)
    with (
        full_disk(),
        pytest.raises(DannError, match=r"make room.*b do not serve any more, but nothing was forgotten: run this"),
    ):
        forgotten(store, data, "Cy", now=True)
    assert texts(store) == before
    assert current(data.checkpoints) == "a"
    assert forgotten(store, data, "Cy", now=True).posts.ids
    assert b"word word" not in stored_bytes(data)


def test_a_running_server_is_waited_for(data: DataConfig) -> None:
    with registered(data.dir) as server, registered(data.dir) as other:
        other.answer(99)
        asked: list[int] = []
        looked = threading.Event()

        def sleep(_seconds: float) -> None:
            asked.append(server.requested())
            server.answer(server.requested())
            looked.set()

        assert ask_servers(data.dir, sleep=sleep) == 2
        assert asked == [1]
        with pytest.raises(DannError, match=rf"process {os.getpid()}\) has not answered for 0 seconds"):
            ask_servers(data.dir, seconds=0.0)
    assert ask_servers(data.dir) == 0, "who has ended is not waited for"
    assert [path.name for path in (data.dir / "servers").glob("*.*")] == []
    assert looked.is_set()


def test_a_server_that_does_not_answer_leaves_it_unfinished(
    data: DataConfig, store: PostStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_data: Path) -> int:
        raise DannError("a server is silent")

    with monkeypatch.context() as patched:
        patched.setattr(leaving, "ask_servers", silent)
        with pytest.raises(
            DannError, match=r"silent; the posts are deleted and stay out, but that is not all yet: run this"
        ):
            forgotten(store, data)
    assert finish_leaving(store, data) == 1


def test_what_is_stored_of_somebody_is_written_out(capsys: Captured) -> None:
    assert told(capsys, "export-data", "--author", "Ann") == {"file": "stored.json", "posts": 1}
    file = Path("stored.json")
    whole = json.loads(file.read_text())
    (post,) = whole["posts"]
    assert (post["text"], post["mine"], post["written"]) == (
        "it is 555 0199",
        False,
        "2023-05-02T10:01:00+00:00",
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert main(["export-data", "--author", "Ann"]) == 1
    assert capsys.readouterr().err == "dann: --to stored.json: is there already; give another name\n"
    assert main(["export-data", "--author", "Zoe"]) == 1
    assert "nobody with this id or name" in capsys.readouterr().err


def test_who_asks_is_listed_with_the_command(data: DataConfig, store: PostStore, capsys: Captured) -> None:
    assert main(["forget", "--requests"]) == 0
    assert capsys.readouterr().out == "nobody asks to be forgotten\n"
    author = author_key(data, store).author("jsonl", "77") or ""
    with store.writing() as writer:
        writer.change_person(author, platform="jsonl", requested=1.7e9)
    assert main(["forget", "--requests"]) == 0
    person = f"person:{author[:12]}"
    command = f"dann forget --author {person} --now"
    assert capsys.readouterr().out == f"2023-11-14  jsonl, 1 stored posts: {command}\n"
    assert told(capsys, "forget", "--author", person, "--yes")["forgotten"] == 1
    assert told(capsys, "forget", "--requests") == {"requests": []}


def test_then_it_retrains_and_says_how_that_went(data: DataConfig, capsys: Captured) -> None:
    make_checkpoints(data, a=LEARNED)
    result = told(capsys, "forget", "--author", "Ann", "--yes", "--now")
    assert (result["withdrawn"], result["serves"], result["retrained"]["verdict"]) == (["a"], None, "failed")
    assert result["retrained"]["reason"].startswith("the store holds 1 posts of yours and learning a voice takes 20")


def test_who_is_ignored_is_not_learned_from_and_can_take_it_back(data: DataConfig, store: PostStore) -> None:
    author = author_key(data, store).author("jsonl", "78") or ""
    for ignored, seen in ((1.0, 2), (None, 3)):
        with store.writing() as writer:
            writer.change_person(author, ignored=ignored)
        assert len(texts(store)) == seen
    assert store.count() == (1, 2)
