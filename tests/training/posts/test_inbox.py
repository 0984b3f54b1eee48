"""The inbox: when exports are imported and moved, and that no interruption loses one."""

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
from training.posts.inbox_done import NOTES
from training.store.posts import open_store


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class InboxHarness:
    """An inbox with its clock, folder and store."""

    def __init__(self, folder: Path, all_mine: tuple[str, ...] = ("text",), **data: object) -> None:
        settings = {**data, "all_mine": all_mine}
        self.data = DataConfig.model_validate({"dir": folder / "data", **settings})
        self.clock = Clock()
        self.stop = False
        self.folder = self.data.inbox_folder or folder
        self.inbox = self.new_inbox()
        self.inbox.scan()

    def new_inbox(self) -> Inbox:
        """Return a new Inbox of the same folder, as after a restart."""
        return Inbox(self.data, self.folder, lambda: self.stop, self.clock)

    def scan_after(self, seconds: float = SETTLED_SECONDS) -> list[str]:
        """Scan now and again after some seconds; return the lines of both."""
        first = self.inbox.scan()
        self.clock.now += seconds
        return first + self.inbox.scan()

    def texts(self) -> list[str]:
        with open_store(self.data.store_url) as store:
            return [post.text for post in store.posts()]

    def file_names(self) -> set[str]:
        """Return all files but the notes of when each was imported."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != NOTES)
        return {path.relative_to(self.folder).as_posix() for path in files}

    def error_of(self, name: str) -> str:
        return (self.folder / "failed" / f"{name}.why.txt").read_text()


@pytest.fixture
def harness(tmp_path: Path) -> InboxHarness:
    return InboxHarness(tmp_path, me="sam")


def test_an_export_is_imported_once_it_has_stopped_growing_and_moved(harness: InboxHarness) -> None:
    discord(harness.folder / "shed.json", *CHAT)
    assert harness.inbox.scan() == []
    harness.clock.now += SETTLED_SECONDS / 2
    assert harness.inbox.scan() == []
    assert harness.file_names() == {"shed.json"}
    assert harness.scan_after() == ["inbox: shed.json: 2 new of yours, 1 of others"]
    assert harness.file_names() == {"done/shed.json"}
    assert harness.texts() == ["did you water the beans", "twice!", "thanks :)"]
    assert harness.scan_after() == []


def test_one_that_still_grows_is_left_until_it_does_not(harness: InboxHarness) -> None:
    export = harness.folder / "lines.txt"
    for number in range(3):
        with export.open("a") as file:
            file.write(f"line {number}\n")
        os.utime(export, ns=(0, number))
        assert harness.inbox.scan() == []
        harness.clock.now += SETTLED_SECONDS
        assert harness.file_names() == {"lines.txt"}
    assert harness.scan_after() == ["inbox: lines.txt: 3 new of yours, 0 of others"]


def test_one_that_changes_without_growing_is_left_too(harness: InboxHarness) -> None:
    (harness.folder / "lines.txt").write_text("old\n")
    harness.inbox.scan()
    (harness.folder / "lines.txt").write_text("new\n")
    os.utime(harness.folder / "lines.txt", ns=(0, 7))
    harness.clock.now += SETTLED_SECONDS
    assert harness.inbox.scan() == []
    assert harness.scan_after() == ["inbox: lines.txt: 1 new of yours, 0 of others"]
    assert harness.texts() == ["new"]


def test_folders_and_zips_are_taken_whole(harness: InboxHarness) -> None:
    export = discord(harness.folder / "dms" / "deep" / "shed.json", *CHAT)
    with zipfile.ZipFile(harness.folder / "more.zip", "w") as packed:
        packed.writestr("a.json", export.read_text().replace('"5"', '"6"'))
    os.utime(export, ns=(0, 1))
    harness.inbox.scan()
    discord(harness.folder / "dms" / "shed-2.json", message(9, "sam", "still coming"))
    harness.clock.now += SETTLED_SECONDS
    (line,) = harness.inbox.scan()
    assert line.startswith("inbox: more.zip: "), "the zip has not changed, the folder has"
    assert harness.scan_after() == ["inbox: dms: 1 new of yours, 0 of others, 3 known before"]
    assert harness.file_names() == {"done/more.zip", "done/dms/deep/shed.json", "done/dms/shed-2.json"}


def test_an_empty_folder_is_waited_for(harness: InboxHarness) -> None:
    (harness.folder / "dms").mkdir()
    assert harness.scan_after() == []
    discord(harness.folder / "dms" / "shed.json", *CHAT)
    assert harness.scan_after() == ["inbox: dms: 2 new of yours, 1 of others"]


@pytest.mark.parametrize(
    "names",
    [
        [".hidden.txt"], ["a.txt.part"], ["A.TXT.CRDOWNLOAD"], ["a.txt.tmp"], ["Unconfirmed 12.crdownload"],
        ["a.txt", "a.txt.part"], ["a.txt", "A.txt.crdownload"], ["folder/a.txt", "folder/b.txt.part"],
    ],
)  # fmt: skip
def test_what_is_hidden_or_just_being_written_is_waited_for(harness: InboxHarness, names: list[str]) -> None:
    for name in names:
        (harness.folder / name).parent.mkdir(exist_ok=True)
        (harness.folder / name).write_text("half a sen")
    assert harness.scan_after() == []
    assert harness.file_names() == set(names)
    if len(names) == 2:
        (harness.folder / names[1]).rename(harness.folder / names[0])
        (line,) = harness.scan_after()
        assert line.endswith(": 1 new of yours, 0 of others")


def test_what_cannot_be_imported_is_put_aside_with_the_line_that_the_import_prints(harness: InboxHarness) -> None:
    discord(harness.folder / "cut.json", *(message(n, "sam", f"line {n}") for n in range(3000)))
    (harness.folder / "cut.json").write_bytes((harness.folder / "cut.json").read_bytes()[:-5000])
    (harness.folder / "cat.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (harness.folder / "empty").touch()
    said = {}
    for name in ("cut.json", "cat.json", "empty"):
        with pytest.raises(DannError) as caught:
            scan_exports([harness.folder / name], "sam")
        said[name] = str(caught.value)
    assert sorted(harness.scan_after()) == sorted(f"inbox: {name}: not imported: {line}" for name, line in said.items())
    assert harness.file_names() == {f"failed/{name}" for name in said} | {f"failed/{name}.why.txt" for name in said}
    assert {name: harness.error_of(name) for name in said} == {name: f"{line}\n" for name, line in said.items()}
    assert not (harness.data.dir / "posts.db").exists()


def test_where_it_is_not_clear_whose_it_is_the_line_says_what_to_set_and_names_nobody(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path)
    discord(harness.folder / "shed.json", *CHAT)
    (line,) = harness.scan_after()
    assert "`dann import` it once with --me (see failed/)" in line
    assert "oleander" not in line
    error_of = harness.error_of("shed.json")
    assert "several people wrote here, and which one is you is not known" in error_of
    assert "oleander" in error_of
    assert "data.me in config.toml" in error_of
    assert error_of.count("\n") == 1


def test_who_was_named_once_by_hand_is_known_to_the_inbox(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path)
    with open_store(harness.data.store_url) as store:
        store_exports(store, scan_exports([discord(tmp_path / "old.json", *CHAT[:2])], "sam"))
    discord(harness.folder / "shed.json", *CHAT)
    assert harness.scan_after() == [
        "inbox: shed.json: 1 new of yours, 0 of others, 2 known before, 2 whose author is known now"
    ]


def test_a_name_that_is_taken_gets_a_number(harness: InboxHarness) -> None:
    for text in ("one", "two", "three"):
        (harness.folder / "notes.txt").write_text(f"{text}\n")
        assert len(harness.scan_after()) == 1
    assert harness.file_names() == {"done/notes.txt", "done/notes-2.txt", "done/notes-3.txt"}
    for _ in range(2):
        (harness.folder / "notes.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
        harness.scan_after()
    assert {"failed/notes.txt.why.txt", "failed/notes-2.txt.why.txt", "failed/notes-2.txt"} <= harness.file_names()


def test_importing_what_is_known_adds_nothing(harness: InboxHarness) -> None:
    for _ in range(2):
        discord(harness.folder / "shed.json", *CHAT)
        lines = harness.scan_after()
    assert lines == ["inbox: shed.json: 0 new of yours, 0 of others, 3 known before"]
    assert len(harness.texts()) == 3


class PowerCut(BaseException):
    """Ends the process at any point."""


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
    harness = InboxHarness(tmp_path, me="sam")
    if good:
        discord(harness.folder / "shed.json", *CHAT)
    else:
        (harness.folder / "shed.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))

    def cut_power(*_: object, **__: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(place, cut_power)
        with pytest.raises(PowerCut):
            harness.scan_after()
    harness.inbox = harness.new_inbox()
    assert len(harness.scan_after()) == 1
    assert harness.file_names() == ({"done/shed.json"} if good else {"failed/shed.json", "failed/shed.json.why.txt"})
    assert len(harness.texts()) == (3 if good else 0)


def test_killed_between_the_reason_and_the_move_it_is_put_aside_next_time(
    harness: InboxHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    (harness.folder / "cat.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    rename = Path.rename

    def cut_power(path: Path, target: Path) -> Path:
        if target.name == "cat.json":
            raise PowerCut
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", cut_power)
        with pytest.raises(PowerCut):
            harness.scan_after()
    assert harness.file_names() == {"cat.json", "failed/cat.json.why.txt"}
    harness.inbox = harness.new_inbox()
    assert len(harness.scan_after()) == 1
    assert harness.file_names() == {"failed/cat.json", "failed/cat.json.why.txt"}


def test_a_locked_store_is_waited_for_and_told_once(
    harness: InboxHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("training.posts.inbox.WAIT_SECONDS", 0.05)
    assert harness.texts() == []
    discord(harness.folder / "shed.json", *CHAT)
    other = sqlite3.connect(harness.data.dir / "posts.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert harness.scan_after() == []
    for _ in range(3):
        harness.clock.now += RETRY_SECONDS
        assert harness.inbox.scan() == []
    assert [record.message for record in caplog.records if "locked" in record.message] == [caplog.records[0].message]
    assert caplog.records[0].message.endswith("it stays in the inbox and is tried again")
    other.execute("ROLLBACK")
    other.close()
    assert harness.scan_after(RETRY_SECONDS) == ["inbox: shed.json: 2 new of yours, 1 of others"]


def test_a_full_disk_is_waited_for(harness: InboxHarness, caplog: pytest.LogCaptureFixture) -> None:
    """A file where the folder for what is done should be stands for every refusal to move; the import is not done again."""
    (harness.folder / "done").write_text("in the way")
    discord(harness.folder / "shed.json", *CHAT)
    assert harness.scan_after() == []
    assert len(harness.texts()) == 3
    assert "cannot be moved" in caplog.text
    (harness.folder / "done").unlink()
    assert harness.scan_after(RETRY_SECONDS) == ["inbox: shed.json: 2 new of yours, 1 of others"]


def test_an_inbox_that_cannot_be_read_is_looked_at_again_and_told_once(
    harness: InboxHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.folder.rmdir()
    harness.folder.write_text("in the way")
    assert harness.scan_after() == harness.scan_after() == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the inbox cannot be read" in caplog.text
    harness.folder.unlink()
    assert harness.scan_after() == []
    (harness.folder / "notes.txt").write_text("hi\n")
    assert len(harness.scan_after()) == 1


def test_what_grows_while_it_is_read_is_read_again(harness: InboxHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    export = harness.folder / "lines.txt"
    export.write_text("one\n")

    def growing(paths: list[Path], *_: object) -> object:
        found = scan_exports(paths, "")
        with export.open("a") as file:
            file.write("two\n")
        return found

    with monkeypatch.context() as patched:
        patched.setattr("training.posts.inbox.scan_exports", growing)
        assert harness.scan_after() == []
    assert harness.file_names() == {"lines.txt"}
    assert harness.scan_after() == ["inbox: lines.txt: 0 new of yours, 0 of others, 2 known before"]


def test_asked_to_stop_it_leaves_a_long_export_for_the_next_start(harness: InboxHarness) -> None:
    (harness.folder / "lines.txt").write_text("so true\n" * 25_000)
    harness.inbox.scan()
    harness.clock.now += SETTLED_SECONDS
    harness.stop = True
    with pytest.raises(InboxStopped):
        harness.inbox.scan()
    assert harness.file_names() == {"lines.txt"}
    assert harness.texts() == []
    harness.stop = False
    assert harness.scan_after() == ["inbox: lines.txt: 25,000 new of yours, 0 of others"]


def test_a_bug_in_a_reader_stops_nothing_and_is_logged_once(
    harness: InboxHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    (harness.folder / "a.txt").write_text("one\n")
    with monkeypatch.context() as patched:
        patched.setattr("training.posts.inbox.scan_exports", broken)
        for _ in range(3):
            assert harness.scan_after(RETRY_SECONDS) == []
    assert caplog.text.count("Traceback") == 1
    assert len(harness.scan_after(RETRY_SECONDS)) == 1


@pytest.mark.parametrize(
    "name", ["x" * 250 + ".txt", "a\nb\x1b[31m.txt", b"caf\xe9.txt".decode("utf-8", "surrogateescape")]
)
def test_odd_names_are_taken_and_told_on_one_printable_line(harness: InboxHarness, name: str) -> None:
    (harness.folder / name).write_text("hi\n")
    (line,) = harness.scan_after()
    assert line.isprintable()
    line.encode()
    (harness.folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert len(harness.scan_after()) == 1
    assert len(list((harness.folder / "failed").glob("*.why.txt"))) == 1


def test_links_are_followed_and_moved_and_one_to_nothing_fails(harness: InboxHarness, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("from afar\n")
    (harness.folder / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    (harness.folder / "nothing.txt").symlink_to(tmp_path / "nothing")
    first, second = harness.scan_after()
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
