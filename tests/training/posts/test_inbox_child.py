"""The import of an inbox in a child process: its limits, its attempts, what a kill leaves."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.posts.test_importer import CHAT, discord
from tests.training.posts.test_inbox import Clock
from training.config.tables import DataConfig
from training.posts.inbox import (
    RETRY_SECONDS,
    SETTLED_SECONDS,
    ChildFailedError,
    ImportOutcome,
    Inbox,
    InboxStopped,
)
from training.posts.inbox_attempts import ATTEMPTS
from training.posts.inbox_child import ImportChild
from training.store.posts import open_store


def inbox_of(
    tmp_path: Path, importer: Callable[..., ImportOutcome], stop: Callable[[], bool] = lambda: False
) -> tuple[Inbox, Clock]:
    data, clock = DataConfig(dir=tmp_path / "data", me="sam"), Clock()
    assert data.inbox_folder
    return Inbox(data, data.inbox_folder, stop, clock, importer), clock


def scan(inbox: Inbox, clock: Clock, seconds: float = SETTLED_SECONDS) -> list[str]:
    first = inbox.scan()
    clock.now += seconds
    return first + inbox.scan()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_a_child_imports_like_dann_import(tmp_path: Path) -> None:
    inbox, clock = inbox_of(tmp_path, ImportChild())
    discord(inbox.folder / "shed.json", *CHAT)
    (inbox.folder / "notes.txt").write_text("13/06/2024 10:00 hello\n13/06/2024 10:01 you\n13/06/2024 10:02 there\n")
    lines = scan(inbox, clock)
    assert "inbox: shed.json: 2 new of yours, 1 of others" in lines
    assert "data.all_mine" in (inbox.folder / "failed" / "notes.txt.why.txt").read_text()
    assert not (inbox.folder / ATTEMPTS).exists()


def test_what_ends_its_child_twice_is_put_aside_with_the_reason(tmp_path: Path) -> None:
    inbox, clock = inbox_of(tmp_path, ImportChild(on_start=kill))
    discord(inbox.folder / "shed.json", *CHAT)
    assert scan(inbox, clock) == []
    (note,) = json.loads((inbox.folder / ATTEMPTS).read_text()).values()
    assert note["count"] == 1
    (line,) = scan(inbox, clock, RETRY_SECONDS)
    assert "tried 2 times, and the last time it took too much memory" in line
    assert (
        line.removeprefix("inbox: shed.json: not imported: ")
        in (inbox.folder / "failed" / "shed.json.why.txt").read_text()
    )
    assert not (inbox.folder / ATTEMPTS).exists()


def test_dann_ended_twice_in_an_attempt_does_not_try_it_again(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def dies(*_: object) -> ImportOutcome:
        raise Killed

    for restart in range(3):
        inbox, clock = inbox_of(tmp_path, dies)
        if restart == 0:
            discord(inbox.folder / "shed.json", *CHAT)
        notes = (inbox.folder / ATTEMPTS).read_bytes() if (inbox.folder / ATTEMPTS).exists() else None
        if restart == 2:
            (line,) = scan(inbox, clock)
            assert "tried 2 times, and the last time dann was ended" in line
            break
        with pytest.raises(Killed):
            scan(inbox, clock)
        assert not (inbox.folder / ATTEMPTS).exists()  # an exception is an end that Python told of
        count = 1 + (json.loads(notes)["shed.json"]["count"] if notes else 0)
        fingerprint = inbox._entries["shed.json"].fingerprint
        note = {"shed.json": {"fingerprint": fingerprint, "count": count, "reason": ""}}
        (inbox.folder / ATTEMPTS).write_text(json.dumps(note))


@pytest.mark.parametrize(
    ("child", "reason"),
    [(ImportChild(max_bytes=50 << 20), "memory|code"), (ImportChild(seconds=1e-9), "too long")],
    ids=["memory", "time"],
)
def test_a_child_ends_at_its_limit(tmp_path: Path, child: ImportChild, reason: str) -> None:
    export = discord(tmp_path / "shed.json", *CHAT)
    with pytest.raises(ChildFailedError, match=reason):
        child(DataConfig(dir=tmp_path / "data", me="sam"), export, lambda _stage, _read: None)


def test_stopping_ends_the_child_and_leaves_the_export(tmp_path: Path) -> None:
    pids: list[int] = []
    inbox, clock = inbox_of(tmp_path, ImportChild(on_start=pids.append), stop=lambda: bool(pids))
    discord(inbox.folder / "shed.json", *CHAT)
    with pytest.raises(InboxStopped):
        scan(inbox, clock)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    assert (inbox.folder / "shed.json").exists()
    assert not (inbox.folder / ATTEMPTS).exists()


def test_a_hostile_file_is_refused_by_the_child_in_one_line(tmp_path: Path) -> None:
    inbox, clock = inbox_of(tmp_path, ImportChild(seconds=60))
    deep = '{"guild": {}, "channel": {"id": "1"}, "messages": ' + '[{"content":' * 20_000
    inbox.scan()  # makes the folder
    (inbox.folder / "deep.json").write_text(deep)
    (line,) = scan(inbox, clock)
    assert "over 100 objects and lists within each other" in line


def test_after_a_kill_in_the_middle_the_next_start_goes_on(tmp_path: Path) -> None:
    inbox, clock = inbox_of(tmp_path, ImportChild(on_start=kill))
    discord(inbox.folder / "shed.json", *CHAT)
    assert scan(inbox, clock) == []
    again, clock = inbox_of(tmp_path, ImportChild())
    assert scan(again, clock) == ["inbox: shed.json: 2 new of yours, 1 of others"]
    with open_store(again.data.store_url) as store:
        assert store.count() == (2, 1)
