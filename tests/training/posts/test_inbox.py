"""The inbox: what is taken and when, what is left alone, where it goes, and that nothing is lost whatever comes between."""

import logging
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import DannError
from tests.training.posts.test_importer import CHAT, discord, message
from training.config.tables import DataConfig
from training.posts.importer import scan_exports, store_exports
from training.posts.inbox import RETRY_SECONDS, SETTLED_SECONDS, Inbox, InboxStopped
from training.store.posts import open_store


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """An inbox, and what a person does with it."""

    def __init__(self, folder: Path, **data: str) -> None:
        self.data = DataConfig(dir=folder / "data", **data)
        self.clock = Clock()
        self.stop = False
        self.at = self.data.inbox_folder or folder
        self.inbox = self.started()
        self.inbox.scan()

    def started(self) -> Inbox:
        """Another process, as it were."""
        return Inbox(self.data, self.at, lambda: self.stop, self.clock)

    def later(self, seconds: float = SETTLED_SECONDS) -> list[str]:
        """A look now, and one after this time."""
        first = self.inbox.scan()
        self.clock.now += seconds
        return first + self.inbox.scan()

    def texts(self) -> list[str]:
        with open_store(self.data.store_url) as store:
            return [post.text for post in store.posts()]

    def there(self) -> set[str]:
        return {path.relative_to(self.at).as_posix() for path in self.at.rglob("*") if path.is_file()}

    def why(self, name: str) -> str:
        return (self.at / "failed" / f"{name}.why.txt").read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path, me="sam")


def test_an_export_is_imported_once_it_has_stopped_growing_and_moved(scene: Scene) -> None:
    discord(scene.at / "shed.json", *CHAT)
    assert scene.inbox.scan() == []
    scene.clock.now += SETTLED_SECONDS / 2
    assert scene.inbox.scan() == []
    assert scene.there() == {"shed.json"}
    assert scene.later() == ["inbox: shed.json: 2 new of yours, 1 of others"]
    assert scene.there() == {"done/shed.json"}
    assert scene.texts() == ["did you water the beans", "twice!", "thanks :)"]
    assert scene.later() == []


def test_one_that_still_grows_is_left_until_it_does_not(scene: Scene) -> None:
    export = scene.at / "lines.txt"
    for number in range(3):
        with export.open("a") as file:
            file.write(f"line {number}\n")
        os.utime(export, ns=(0, number))
        assert scene.inbox.scan() == []
        scene.clock.now += SETTLED_SECONDS
        assert scene.there() == {"lines.txt"}
    assert scene.later() == ["inbox: lines.txt: 3 new of yours, 0 of others"]


def test_one_that_changes_without_growing_is_left_too(scene: Scene) -> None:
    (scene.at / "lines.txt").write_text("old\n")
    scene.inbox.scan()
    (scene.at / "lines.txt").write_text("new\n")
    os.utime(scene.at / "lines.txt", ns=(0, 7))
    scene.clock.now += SETTLED_SECONDS
    assert scene.inbox.scan() == []
    assert scene.later() == ["inbox: lines.txt: 1 new of yours, 0 of others"]
    assert scene.texts() == ["new"]


def test_folders_and_zips_are_taken_whole(scene: Scene) -> None:
    export = discord(scene.at / "dms" / "deep" / "shed.json", *CHAT)
    with zipfile.ZipFile(scene.at / "more.zip", "w") as packed:
        packed.writestr("a.json", export.read_text().replace('"5"', '"6"'))
    os.utime(export, ns=(0, 1))
    scene.inbox.scan()
    discord(scene.at / "dms" / "shed-2.json", message(9, "sam", "still coming"))
    scene.clock.now += SETTLED_SECONDS
    (line,) = scene.inbox.scan()
    assert line.startswith("inbox: more.zip: "), "the zip has not changed, the folder has"
    assert scene.later() == ["inbox: dms: 1 new of yours, 0 of others, 3 known before"]
    assert scene.there() == {"done/more.zip", "done/dms/deep/shed.json", "done/dms/shed-2.json"}


def test_an_empty_folder_is_waited_for(scene: Scene) -> None:
    (scene.at / "dms").mkdir()
    assert scene.later() == []
    discord(scene.at / "dms" / "shed.json", *CHAT)
    assert scene.later() == ["inbox: dms: 2 new of yours, 1 of others"]


@pytest.mark.parametrize(
    "names",
    [
        [".hidden.txt"], ["a.txt.part"], ["A.TXT.CRDOWNLOAD"], ["a.txt.tmp"], ["Unconfirmed 12.crdownload"],
        ["a.txt", "a.txt.part"], ["a.txt", "A.txt.crdownload"], ["folder/a.txt", "folder/b.txt.part"],
    ],
)  # fmt: skip
def test_what_is_hidden_or_just_being_written_is_waited_for(scene: Scene, names: list[str]) -> None:
    for name in names:
        (scene.at / name).parent.mkdir(exist_ok=True)
        (scene.at / name).write_text("half a sen")
    assert scene.later() == []
    assert scene.there() == set(names)
    if len(names) == 2:
        (scene.at / names[1]).rename(scene.at / names[0])
        (line,) = scene.later()
        assert line.endswith(": 1 new of yours, 0 of others")


def test_what_cannot_be_imported_is_put_aside_with_the_line_that_the_import_prints(scene: Scene) -> None:
    discord(scene.at / "cut.json", *(message(n, "sam", f"line {n}") for n in range(3000)))
    (scene.at / "cut.json").write_bytes((scene.at / "cut.json").read_bytes()[:-5000])
    (scene.at / "cat.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (scene.at / "empty").touch()
    said = {}
    for name in ("cut.json", "cat.json", "empty"):
        with pytest.raises(DannError) as caught:
            scan_exports([scene.at / name], "sam")
        said[name] = str(caught.value)
    assert sorted(scene.later()) == sorted(f"inbox: {name}: not imported: {line}" for name, line in said.items())
    assert scene.there() == {f"failed/{name}" for name in said} | {f"failed/{name}.why.txt" for name in said}
    assert {name: scene.why(name) for name in said} == {name: f"{line}\n" for name, line in said.items()}
    assert not (scene.data.dir / "posts.db").exists()


def test_where_it_is_not_clear_whose_it_is_the_line_says_what_to_set_and_names_nobody(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    discord(scene.at / "shed.json", *CHAT)
    (line,) = scene.later()
    assert "`dann import` it once with --me (see failed/)" in line
    assert "oleander" not in line
    why = scene.why("shed.json")
    assert "several people wrote here, and which one is you is not known" in why
    assert "oleander" in why
    assert "data.me in config.toml" in why
    assert why.count("\n") == 1


def test_who_was_named_once_by_hand_is_known_to_the_inbox(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with open_store(scene.data.store_url) as store:
        store_exports(store, scan_exports([discord(tmp_path / "old.json", *CHAT[:2])], "sam"))
    discord(scene.at / "shed.json", *CHAT)
    assert scene.later() == ["inbox: shed.json: 1 new of yours, 0 of others, 2 known before"]


def test_a_name_that_is_taken_gets_a_number(scene: Scene) -> None:
    for text in ("one", "two", "three"):
        (scene.at / "notes.txt").write_text(f"{text}\n")
        assert len(scene.later()) == 1
    assert scene.there() == {"done/notes.txt", "done/notes-2.txt", "done/notes-3.txt"}
    for _ in range(2):
        (scene.at / "notes.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
        scene.later()
    assert {"failed/notes.txt.why.txt", "failed/notes-2.txt.why.txt", "failed/notes-2.txt"} <= scene.there()


def test_importing_what_is_known_adds_nothing(scene: Scene) -> None:
    for _ in range(2):
        discord(scene.at / "shed.json", *CHAT)
        lines = scene.later()
    assert lines == ["inbox: shed.json: 0 new of yours, 0 of others, 3 known before"]
    assert len(scene.texts()) == 3


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    ("place", "good"),
    [
        ("training.posts.inbox.store_exports", True),
        ("training.posts.inbox._summary", True),  # just after storing
        ("training.posts.inbox._move", True),
        ("training.posts.inbox._move", False),
        ("pathlib.Path.rename", True),
        ("training.posts.inbox.replace_file", False),  # just before the reason is there,
    ],
)
def test_killed_at_any_moment_the_next_start_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, good: bool
) -> None:
    scene = Scene(tmp_path, me="sam")
    if good:
        discord(scene.at / "shed.json", *CHAT)
    else:
        (scene.at / "shed.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(place, cut)
        with pytest.raises(PowerCut):
            scene.later()
    scene.inbox = scene.started()
    assert len(scene.later()) == 1
    assert scene.there() == ({"done/shed.json"} if good else {"failed/shed.json", "failed/shed.json.why.txt"})
    assert len(scene.texts()) == (3 if good else 0)


def test_killed_between_the_reason_and_the_move_it_is_put_aside_next_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scene.at / "cat.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    rename = Path.rename

    def cut(path: Path, target: Path) -> Path:
        if target.name == "cat.json":
            raise PowerCut
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", cut)
        with pytest.raises(PowerCut):
            scene.later()
    assert scene.there() == {"cat.json", "failed/cat.json.why.txt"}
    scene.inbox = scene.started()
    assert len(scene.later()) == 1
    assert scene.there() == {"failed/cat.json", "failed/cat.json.why.txt"}


def test_a_locked_store_is_waited_for_and_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("training.posts.inbox.WAIT_SECONDS", 0.05)
    assert scene.texts() == []
    discord(scene.at / "shed.json", *CHAT)
    other = sqlite3.connect(scene.data.dir / "posts.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert scene.later() == []
    for _ in range(3):
        scene.clock.now += RETRY_SECONDS
        assert scene.inbox.scan() == []
    assert [record.message for record in caplog.records if "locked" in record.message] == [caplog.records[0].message]
    assert caplog.records[0].message.endswith("it stays in the inbox and is tried again")
    other.execute("ROLLBACK")
    other.close()
    assert scene.later(RETRY_SECONDS) == ["inbox: shed.json: 2 new of yours, 1 of others"]


def test_a_full_disk_is_waited_for(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A file where the folder for what is done should be stands for every refusal to move; the import is not done again."""
    (scene.at / "done").write_text("in the way")
    discord(scene.at / "shed.json", *CHAT)
    assert scene.later() == []
    assert len(scene.texts()) == 3
    assert "cannot be moved" in caplog.text
    (scene.at / "done").unlink()
    assert scene.later(RETRY_SECONDS) == ["inbox: shed.json: 2 new of yours, 1 of others"]


def test_an_inbox_that_cannot_be_read_is_looked_at_again_and_told_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.at.rmdir()
    scene.at.write_text("in the way")
    assert scene.later() == scene.later() == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the inbox cannot be read" in caplog.text
    scene.at.unlink()
    assert scene.later() == []
    (scene.at / "notes.txt").write_text("hi\n")
    assert len(scene.later()) == 1


def test_what_grows_while_it_is_read_is_read_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    export = scene.at / "lines.txt"
    export.write_text("one\n")

    def growing(paths: list[Path], *_: object) -> object:
        found = scan_exports(paths, "")
        with export.open("a") as file:
            file.write("two\n")
        return found

    with monkeypatch.context() as patched:
        patched.setattr("training.posts.inbox.scan_exports", growing)
        assert scene.later() == []
    assert scene.there() == {"lines.txt"}
    assert scene.later() == ["inbox: lines.txt: 0 new of yours, 0 of others, 2 known before"]


def test_asked_to_stop_it_leaves_a_long_export_for_the_next_start(scene: Scene) -> None:
    (scene.at / "lines.txt").write_text("so true\n" * 25_000)
    scene.inbox.scan()
    scene.clock.now += SETTLED_SECONDS
    scene.stop = True
    with pytest.raises(InboxStopped):
        scene.inbox.scan()
    assert scene.there() == {"lines.txt"}
    assert scene.texts() == []
    scene.stop = False
    assert scene.later() == ["inbox: lines.txt: 25,000 new of yours, 0 of others"]


def test_a_bug_in_a_reader_stops_nothing_and_is_logged_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    (scene.at / "a.txt").write_text("one\n")
    with monkeypatch.context() as patched:
        patched.setattr("training.posts.inbox.scan_exports", broken)
        for _ in range(3):
            assert scene.later(RETRY_SECONDS) == []
    assert caplog.text.count("Traceback") == 1
    assert len(scene.later(RETRY_SECONDS)) == 1


@pytest.mark.parametrize(
    "name", ["x" * 250 + ".txt", "a\nb\x1b[31m.txt", b"caf\xe9.txt".decode("utf-8", "surrogateescape")]
)
def test_odd_names_are_taken_and_told_on_one_printable_line(scene: Scene, name: str) -> None:
    (scene.at / name).write_text("hi\n")
    (line,) = scene.later()
    assert line.isprintable()
    line.encode()
    (scene.at / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert len(scene.later()) == 1
    assert len(list((scene.at / "failed").glob("*.why.txt"))) == 1


def test_links_are_followed_and_moved_and_one_to_nothing_fails(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("from afar\n")
    (scene.at / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    (scene.at / "nothing.txt").symlink_to(tmp_path / "nothing")
    first, second = scene.later()
    assert first == "inbox: link.txt: 1 new of yours, 0 of others"
    assert "nothing.txt: there is no such file" in second
    assert (tmp_path / "elsewhere.txt").exists()


def paths(folder: Path) -> Iterator[tuple[str, bool]]:
    yield from [
        ("inbox", True), ("/somewhere/else", True), ("", True), (".", False), ("checkpoints", False), ("runs/", False),
        ("..", False), ("/", False), ("~", False), (str(folder), False), ("../inbox", True), ("~/dann-inbox", True),
    ]  # fmt: skip


def test_an_inbox_that_is_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    for inbox, fine in paths(tmp_path / "data"):
        if fine:
            assert (DataConfig(dir=tmp_path / "data", inbox=inbox).inbox_folder is None) == (not inbox)
        else:
            with pytest.raises(ValueError, match="inbox must be a folder for nothing else"):
                DataConfig(dir=tmp_path / "data", inbox=inbox)
