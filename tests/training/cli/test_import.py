"""`dann import`: what it shows before anything is stored, the chats to choose from, the question at a terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from training.cli.main import main
from training.store.posts import open_store

ROOT = Path(__file__).parents[3]
CHAT = """\
{"channel": "shed", "author": "sam", "time": "2023-05-01T10:00:00Z", "text": "did you water the beans"}
{"channel": "shed", "author": "oleander", "time": "2023-05-01T10:01:00Z", "text": "twice! \\u001b[31m\\u202e and\\nagain"}
{"channel": "work", "author": "boss", "time": "2023-05-03T10:02:30Z", "text": "the rota"}
{"channel": "work", "author": "sam", "time": "2023-05-03T10:03:00Z", "text": ""}
{"channel": "shed", "author": "sam", "time": "2023-05-02T10:03:00Z", "text": "danke"}
"""
URL = "sqlite:///data/posts.db"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export in an otherwise empty working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.jsonl").write_text(CHAT)
    return tmp_path


Captured = pytest.CaptureFixture[str]


def as_json(capsys: Captured, *arguments: str, code: int = 0) -> dict[str, object]:
    assert main(["import", *arguments, "--json"]) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_dry_run_shows_authors_reasons_and_lines_and_stores_nothing(capsys: Captured, folder: Path) -> None:
    assert main(["import", "chat.jsonl", "--me", "sam", "--dry-run"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    for row in (
        "kept 4",
        "yours 2",
        "others', as context 2",
        "left out 1",
        "empty 1",
        "2 yours jsonl sam",
        "1 jsonl oleander",
        "1 jsonl boss",
    ):
        assert row.split() in rows, row
    yours, others = out.partition("yours, for instance:\n")[2].split("others', for instance:\n")
    assert yours.splitlines() == ["  did you water the beans", "  danke"]
    assert others.splitlines() == ["  oleander: twice! [31m and again", "  boss: the rota", "nothing was stored"]
    assert list(folder.iterdir()) == [folder / "chat.jsonl"]


def test_a_dry_runs_json_is_that_of_an_import_with_authors_and_lines(capsys: Captured) -> None:
    found = as_json(capsys, "chat.jsonl", "--me", "sam", "--dry-run")
    assert (found.pop("dry_run"), found.pop("samples")) == (
        True,
        {
            "mine": ["did you water the beans", "danke"],
            "others": [
                {"author": "oleander", "text": "twice! [31m and again"}, {"author": "boss", "text": "the rota"},
            ],
        },
    )  # fmt: skip
    assert found.pop("authors") == [
        {"format": "jsonl", "id": name, "name": name, "kept": kept, "mine": name == "sam", "line": line}
        for name, kept, line in (
            ("sam", 2, "did you water the beans"), ("oleander", 1, "twice! [31m and again"), ("boss", 1, "the rota"),
        )
    ]  # fmt: skip
    assert as_json(capsys, "chat.jsonl", "--me", "sam") == found


def test_a_dry_run_counts_what_the_import_then_does(capsys: Captured, folder: Path) -> None:
    (folder / "later.jsonl").write_text(
        CHAT.replace("danke", "thanks") + '{"author": "sam", "text": "forget me"}\n' * 2
    )
    assert main(["import", "later.jsonl", "--me", "sam", "-q"]) == 0
    assert main(["forget", "--contains", "forget me", "--yes", "-q"]) == 0
    ids = (
        '{"id": "1", "author": "sam", "time": "2023-05-04T10:00:00Z", "text": "%s"}\n'
        '{"id": "2", "author": "sam", "time": "2023-05-04T10:01:00Z", "text": "nothing to mend"}\n'
        '{"id": "3", "author": "sam", "time": "2023-05-04T10:02:00Z", "text": "nor here"}\n'
    )
    (folder / "ids.jsonl").write_text(ids % "a slip")
    assert main(["import", "ids.jsonl", "-q"]) == 0
    (folder / "ids.jsonl").write_text(ids % "mended" + '{"author": "sam", "text": "twice"}\n')
    paths = ("later.jsonl", "chat.jsonl", "ids.jsonl", "ids.jsonl")
    capsys.readouterr()
    with open_store(URL) as store:
        before = list(store.posts())
    expected = as_json(capsys, *paths, "--dry-run")
    with open_store(URL) as store:
        assert list(store.posts()) == before
    found = as_json(capsys, *paths)
    assert {key: expected[key] for key in found} == found
    assert (found["updated"], found["forgotten"], found["kept"]) == (1, 2, 2)


def test_a_dry_run_remembers_neither_owner_nor_chats(capsys: Captured) -> None:
    assert main(["import", "chat.jsonl", "--me", "boss", "-q"]) == 0
    assert main(["import", "chat.jsonl", "--me", "sam", "--except", "work", "--dry-run", "-q"]) == 0
    capsys.readouterr()
    assert as_json(capsys, "chat.jsonl")["dropped"] == {"empty": 1}
    with open_store(URL) as store:
        assert (store.count(), bool(store.choices())) == ((1, 3), False)


def test_a_dry_run_waits_for_nobody_who_writes(capsys: Captured) -> None:
    assert main(["import", "chat.jsonl", "--me", "boss", "-q"]) == 0
    capsys.readouterr()
    with open_store(URL) as store, store.writing():
        found = as_json(capsys, "chat.jsonl", "--me", "sam", "--except", "work", "--dry-run")
    assert (found["updated"], found["dropped"]) == (2, {"kept_out": 2})


def test_where_the_owner_is_not_clear_a_dry_run_shows_who_wrote_and_ends_as_an_import_does(
    capsys: Captured, folder: Path
) -> None:
    assert main(["import", "chat.jsonl", "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-4:] == [
        "   2  jsonl  sam: did you water the beans", "   1  jsonl  oleander: twice! [31m and again",
        "   1  jsonl  boss: the rota", "nothing was stored",
    ]  # fmt: skip
    assert err.startswith(
        "dann: chat.jsonl: several people wrote here, and which one is you is not known; add --me NAME"
    )
    found = as_json(capsys, "chat.jsonl", "--dry-run", code=1)
    assert (found["kept"], found["mine"], found["context"]) == (4, None, None)
    assert list(folder.iterdir()) == [folder / "chat.jsonl"]


def test_the_chats_are_listed_with_counts_and_what_is_kept_out(capsys: Captured, folder: Path) -> None:
    assert main(["import", "chat.jsonl", "--me", "sam", "--except", "work", "--list-chats"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["yours", "others'", "newest", "id", "chat"],
        ["2", "1", "2023-05-02", "jsonl:2f3c3e5cf3c6", "shed"],
        ["0", "1", "2023-05-03", "jsonl:00e13ed7af55", "work", "(kept", "out:", "--except", "work)"],
    ]
    assert as_json(capsys, "chat.jsonl", "--list-chats")["chats"] == [
        {"id": id_, "name": name, "names": [name], "formats": ["jsonl"], "messages": messages, "mine": None,
         "newest": f"2023-05-0{day}+00:00", "kept_out": None}
        for id_, name, messages, day in (
            ("jsonl:2f3c3e5cf3c6", "shed", 3, "2T10:03:00"), ("jsonl:00e13ed7af55", "work", 1, "3T10:02:30"),
        )
    ]  # fmt: skip
    assert list(folder.iterdir()) == [folder / "chat.jsonl"]


def test_options_choose_chats_and_are_remembered(capsys: Captured) -> None:
    found = as_json(capsys, "chat.jsonl", "--me", "sam", "--only", "sh?d", "--only", "work", "--except", "work")
    assert (found["kept"], found["dropped"]) == (3, {"kept_out": 2})
    assert as_json(capsys, "chat.jsonl")["duplicates"] == 3
    assert main(["posts"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "imports --only sh?d, work (`--clear-chats` takes it back)",
        "imports --except work (`--clear-chats` takes it back)",
    ]
    assert main(["posts", "--json"]) == 0
    assert (
        json.loads(capsys.readouterr().out).items()
        >= {"only_chats": ["sh?d", "work"], "except_chats": ["work"]}.items()
    )
    assert as_json(capsys, "chat.jsonl", "--clear-chats")["kept"] == 1
    assert as_json(capsys, "chat.jsonl", "--except", "shed")["stored_before"] == {"jsonl:2f3c3e5cf3c6": 3}
    main(["import", "chat.jsonl"])
    assert "3 posts of a chat that is kept out now are in the store: dann forget --source jsonl:2f3c3e5cf3c6\n" in (
        capsys.readouterr().err
    )


def test_nothing_in_an_export_commands_the_terminal_or_the_shell(capsys: Captured, folder: Path) -> None:
    evil = "7\n\x1b[31m; rm -rf x\u202e"
    said = {"id": 1, "type": "message", "date": "2024-01-20T11:23:45", "from": evil, "from_id": "user1", "text": evil}
    chat = {"name": evil, "type": "personal_chat", "id": evil, "messages": [said]}
    (folder / "result.json").write_text(json.dumps(chat))
    main(["import", "result.json", "--list-chats"])
    main(["import", "result.json", "--dry-run"])
    main(["import", "result.json"])
    main(["import", "result.json", "--except", evil])
    out, err = capsys.readouterr()
    assert (
        "kept out: --except 7 [31m; rm -rf x" in out + err or "dann forget --source 'telegram:7 [31m; rm -rf x'" in err
    )
    assert not [one for one in out + err if one != "\n" and not one.isprintable()]


@pytest.mark.parametrize("option", ["--only", "--except"])
def test_an_empty_name_of_a_chat_is_one_line(capsys: Captured, folder: Path, option: str) -> None:
    assert main(["import", "chat.jsonl", "--me", "sam", option, " "]) == 1
    assert (
        capsys.readouterr().err
        == f"dann: {option} '': is empty; give a chat's name, id or pattern (--list-chats shows them)\n"
    )
    assert list(folder.iterdir()) == [folder / "chat.jsonl"]


class Terminal:
    """A terminal as standard input and error, on which something is typed already."""

    def __init__(self, typed: bytes) -> None:
        self._here, there = os.openpty()
        os.set_blocking(self._here, False)
        os.write(self._here, typed)
        self.stdin, self.stderr = os.fdopen(there), os.fdopen(os.dup(there), "w")

    def shown(self) -> str:
        """Return what is on it."""
        self.stderr.flush()
        seen = b""
        with suppress(BlockingIOError):
            while more := os.read(self._here, 1 << 16):
                seen += more
        return seen.decode()

    def close(self) -> None:
        """Close both ends."""
        self.stdin.close()
        self.stderr.close()
        os.close(self._here)


@contextmanager
def terminal(typed: bytes) -> Iterator[Terminal]:
    """Type, and let the commands within find a terminal."""
    opened = Terminal(typed)
    with pytest.MonkeyPatch.context() as patched, closing(opened):
        patched.setattr(sys, "stdin", opened.stdin)
        patched.setattr(sys, "stderr", opened.stderr)
        yield opened


ALONE = '{"author": "sam", "time": "2023-05-01T10:00:00Z", "text": "%s"}\n'
GUESSES = {
    "alone.jsonl": (
        ALONE % "first" + ALONE % "second", "nobody but sam wrote here, so their 2 messages count as yours:",
        "say who you are with --me NAME or --me ID",
    ),
    "notes.txt": (
        "first\nsecond\n", "does not say who wrote it, so all 2 lines count as yours:",
        "give it a column author, or leave the file out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GUESSES)
@pytest.mark.parametrize(("typed", "code"), [(b"\n", 0), (b"Yes\n", 0), (b"n\n", 1), (b"what\n", 1), (b"\x04", 1)])
def test_at_a_terminal_a_guess_is_asked_about(folder: Path, name: str, typed: bytes, code: int) -> None:
    text, said, help_ = GUESSES[name]
    (folder / name).write_text(text)
    with terminal(typed) as end:
        assert main(["import", name]) == code
        seen = end.shown()
    assert f"{said}\r\n  first\r\n  second\r\nare these yours? [Y/n] " in seen
    assert (f"nothing was stored; {help_}" in seen) == bool(code)
    assert (folder / "data").exists() != bool(code)


@pytest.mark.parametrize(
    "arguments",
    [
        "alone.jsonl --yes", "alone.jsonl --quiet", "alone.jsonl --json", "alone.jsonl --me sam", "notes.txt --all-mine",
        "notes.txt --set data.all_mine=[\"text\"]", "alone.jsonl --dry-run", "alone.jsonl --list-chats",
    ],
)  # fmt: skip
def test_there_is_no_question_where_there_is_nothing_to_ask(folder: Path, arguments: str) -> None:
    for name, (text, *_) in GUESSES.items():
        (folder / name).write_text(text)
    with terminal(b"n\n") as end:
        assert main(["import", *arguments.split()]) == 0
        assert "are these yours?" not in end.shown()


def test_without_a_terminal_a_guess_is_taken(capsys: Captured, folder: Path) -> None:
    (folder / "notes.txt").write_text("first\nsecond\n")
    assert main(["import", "notes.txt"]) == 0
    assert "are these yours?" not in capsys.readouterr().err


def test_who_was_named_before_is_not_asked_about(folder: Path) -> None:
    (folder / "alone.jsonl").write_text(ALONE % "first")
    assert main(["import", "chat.jsonl", "--me", "sam", "-q"]) == 0
    with terminal(b"n\n"):
        assert main(["import", "alone.jsonl"]) == 0


def test_control_c_at_the_question_stores_nothing(folder: Path) -> None:
    """In a process of its own, whose controlling terminal this is: the terminal makes a signal of the key."""
    (folder / "notes.txt").write_text("first\nsecond\n")
    here, there = os.openpty()
    script = (
        "import fcntl, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests in the background ignores it
        "from training.cli.main import main; sys.exit(main(['import', 'notes.txt']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdin=there, stdout=there, stderr=there, start_new_session=True, env=environment
    ) as process:
        os.close(there)
        seen = b""
        while b"[Y/n]" not in seen:
            seen += os.read(here, 1 << 12)
        os.write(here, b"\x03")
        try:
            assert process.wait(timeout=60) == 130
        finally:
            process.kill()
    os.close(here)
    assert not (folder / "data" / "posts.db").exists()
