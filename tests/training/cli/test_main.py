"""The command line: output streams, exit codes and one-line errors."""

import argparse
import errno
import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model.errors import DannError
from training.cli import shared
from training.cli.main import main
from training.config.tables import Settings
from training.store.posts import PostStore

ROOT = Path(__file__).parents[3]
CHAT = """\
{"id": "1", "channel": "shed", "author": "sam", "time": "2023-05-01T10:00:00Z", "text": "did you water the beans"}
{"id": "2", "channel": "shed", "author": "oleander", "time": "2023-05-01T10:01:00Z", "text": "twice!", "reply_to": "1"}
{"id": "3", "channel": "shed", "author": "sam", "time": "2023-05-03T10:02:30Z", "text": "dänke"}
{"id": "4", "channel": "shed", "author": "sam", "time": "2023-05-03T10:03:00Z", "text": ""}
"""


@pytest.fixture(autouse=True)
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export in an otherwise empty working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.jsonl").write_text(CHAT)
    return tmp_path


def dann(*arguments: str, program: str = "training") -> "subprocess.Popen[str]":
    """Start a command as a process in the current folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    pipe = subprocess.PIPE
    shared = [sys.executable, "-m", program, *arguments]
    return subprocess.Popen(shared, stdout=pipe, stderr=pipe, text=True, env=environment)


def test_import_json_is_one_object_with_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "chat.jsonl", "--me", "sam", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "read": 4, "kept": 3, "updated": 0, "duplicates": 0, "forgotten": 0, "mine": 2, "context": 1,
        "dropped": {"empty": 1}, "formats": {"jsonl": 4},
    }  # fmt: skip
    assert out.count("\n") == 1
    assert err == ""


def test_posts_json_is_one_object_with_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "chat.jsonl", "--me", "sam"])
    capsys.readouterr()
    assert main(["posts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "posts": 3, "mine": 2, "context": 1, "sources": {"jsonl": 3},
        "first": "2023-05-01T10:00:00+00:00", "last": "2023-05-03T10:02:30+00:00", "bytes": 23 + 6 + 6,
        "lengths": {"median": 23, "p90": 23, "longest": 23},
    }  # fmt: skip


def test_posts_of_an_empty_store_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["posts", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["posts"], found["first"], found["last"], found["bytes"]) == (0, None, None, 0)


def test_people_get_a_table_with_readable_numbers(capsys: pytest.CaptureFixture[str], chat: Path) -> None:
    (chat / "lines.txt").write_text("so true\n" * 12_400)
    (chat / "folder").mkdir()
    (chat / "chat.jsonl").rename(chat / "folder" / "chat.jsonl")
    (chat / "folder" / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert main(["import", "lines.txt", "folder", "--me", "sam", "--all-mine"]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()[:3]] == [
        ["read", "12,404"],
        ["kept", "12,403"],
        ["yours", "12,402"],
    ]
    assert err == "1 not read, of no known format: folder/cat.png\n"
    main(["posts"])
    table = capsys.readouterr().out
    for expected in ("12,402", "2023-05-01", "2023-05-03", "median length of yours", "86.8 kB", "from jsonl"):
        assert expected in table


def test_settings_may_stand_before_and_after_the_command_and_are_merged(chat: Path) -> None:
    (chat / "mine.toml").write_text('[data]\nme = "sam"\n')
    assert (
        main(["--config", "mine.toml", "--set", "data.dir=one", "import", "chat.jsonl", "--set", "train.seed=4"]) == 0
    )
    assert (chat / "one" / "posts.db").exists()
    assert (
        main(["--set", "data.dir=one", "import", "chat.jsonl", "--config", "mine.toml", "--set", "data.dir=two"]) == 0
    )
    assert (chat / "two" / "posts.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("import nowhere", "nowhere: there is no such file or folder"),
        ("import chat.jsonl", "chat.jsonl: several people wrote here"),
        ("import chat.jsonl --me sma", "--me sma: nobody of that name or id wrote here; there are sam: 3, oleander: 1"),
        ("--set train.minuts=3 posts", "--set: train.minuts is no setting; did you mean train.minutes?"),
        ("import chat.jsonl --me sam --set train.minutes=0", "--set: train.minutes = 0 is not right"),
        ("import chat.jsonl --me sam --config no.toml", "no.toml: cannot be read"),
        ("import chat.jsonl --me sam --set data.url=nonsense", "data.url: 'nonsense' is not a database"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_a_failure_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], chat: Path, arguments: str, said: str
) -> None:
    assert main([*arguments.split(), "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"dann: {said}")
    assert err.count("\n") == 1
    assert [path.name for path in chat.iterdir()] == ["chat.jsonl"]  # and no data folder


@pytest.mark.parametrize("arguments", [["bogus"], [], ["import"], ["posts", "--bogus"], ["import", "x", "--me"]])
def test_a_wrong_command_line_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("dann: ")
    assert err.count("\n") == 1


def test_what_is_a_bug_keeps_its_traceback_and_exits_70(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: PostStore) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(PostStore, "summary", broken)
    assert main(["posts"]) == 70
    assert "ZeroDivisionError" in caplog.text
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("place", ["/dev/full", ""])
def test_a_full_disk_is_one_line_wherever_it_is_met(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    def full(_self: PostStore) -> None:
        if place:
            raise OSError(errno.ENOSPC, "No space left on device", place)
        with Path("/dev/full").open("w") as file:
            file.write("x")

    monkeypatch.setattr(PostStore, "summary", full)
    assert main(["posts"]) == 1
    where = f"{place}: " if place else ""
    assert capsys.readouterr().err == f"dann: {where}no room left on the disk; free some space and try again\n"


def test_control_c_ends_quietly_with_130_and_a_mendable_error_with_its_own_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_self: PostStore) -> None:
        raise KeyboardInterrupt

    class SpecialError(DannError):
        exit_code = 9

    def refused(_self: PostStore) -> None:
        raise SpecialError("no")

    monkeypatch.setattr(PostStore, "summary", interrupted)
    assert main(["posts"]) == 130
    monkeypatch.setattr(PostStore, "summary", refused)
    assert main(["posts"]) == 9
    assert capsys.readouterr().err == "dann: no\n"


@pytest.mark.parametrize(
    "arguments", [["posts"], ["posts", "--json"], ["import", "chat.jsonl", "--me", "sam", "--json"]]
)
def test_a_reader_that_leaves_early_gets_no_traceback(arguments: list[str]) -> None:
    process = dann(*arguments)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert errors == ""


def test_python_m_training_is_the_same_command() -> None:
    out, err = dann("import", "chat.jsonl", "--me", "sam", "--json").communicate()
    assert json.loads(out)["kept"] == 3
    assert err == ""


def test_imports_and_posts_start_without_jax(chat: Path) -> None:
    script = (
        "import sys; from training.cli.main import main\n"
        "assert 'sqlalchemy' not in sys.modules, 'help needs no database'\n"
        "main(['import', 'chat.jsonl', '--me', 'sam', '-q']); main(['posts', '--json'])\n"
        "assert not {'jax', 'flax', 'optax'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, stdout=subprocess.DEVNULL, cwd=chat)


def test_quiet_says_only_the_result_and_verbose_more(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, chat: Path
) -> None:
    (chat / "folder").mkdir()
    (chat / "chat.jsonl").rename(chat / "folder" / "chat.jsonl")
    (chat / "folder" / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert main(["-q", "import", "folder", "--me", "sam"]) == 0
    out, err = capsys.readouterr()
    assert "kept" in out
    assert err == ""
    assert main(["import", "folder", "--me", "sam", "-v"]) == 0
    assert "folder/chat.jsonl: jsonl, 0 new" in caplog.text


def test_a_command_is_a_function_and_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = shared.root_parser("dann", "about")
    commands = parser.add_subparsers(required=True, parser_class=shared.Parser)
    shared.add_command(commands, "seed", lambda _args, settings: int(settings.train.seed), "show the seed")
    assert shared.run_command(parser, ["seed", "--set", "train.seed=41"], Settings) == 41
    assert capsys.readouterr().err == ""


def test_a_ctrl_c_that_python_dropped_comes_again() -> None:
    dropped: list[str] = []

    def collecting(phase: str, _info: dict[str, int]) -> None:
        if phase == "start" and not dropped:
            dropped.append(phase)
            signal.raise_signal(signal.SIGINT)

    def wait(_args: argparse.Namespace, _settings: Settings) -> int:
        gc.callbacks.append(collecting)
        gc.collect()
        time.sleep(60)
        return 0

    parser = shared.root_parser("dann", "A test.")
    commands = parser.add_subparsers(required=True, parser_class=shared.Parser)
    shared.add_command(commands, "wait", wait, "wait")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert shared.run_command(parser, ["wait"], Settings) == shared.EXIT_INTERRUPTED
        assert dropped
    finally:
        signal.signal(signal.SIGINT, before)
        gc.callbacks.remove(collecting)


def test_several_names_are_all_mine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "chat.jsonl", "--me", "sam", "--me", "oleander", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["mine"], found["context"]) == (3, 0)
