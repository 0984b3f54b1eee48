"""`dann forget`: deleted posts, confirmation, and the files and checkpoints that may derive from them."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.checkpoints import checkpoint
from model.checkpoints.folder import current
from model.checkpoints.retention import prune
from tests.model.small_networks import META, snapshot
from tests.training.full_disk import full_disk
from training.cli.main import main
from training.lock import training_lock
from training.posts.forgetting import may_have_learned
from training.store.posts import open_store
from training.store.selector import SelectedPosts

CHAT = """\
{"id": "1", "channel": "shed", "author": "sam", "time": "2023-05-01T10:00:00Z", "text": "did you water the beans"}
{"id": "2", "channel": "shed", "author": "oleander", "time": "2023-05-02T10:01:00Z", "text": "My number is 555 0199"}
{"id": "3", "channel": "shed", "author": "sam", "time": "2023-05-03T10:02:30Z", "text": "thanks, 555 0199 it is"}
"""
SECRET = b"555 0199"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """The default data folder with three posts in its store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.jsonl").write_text(CHAT)
    assert main(["import", "chat.jsonl", "--me", "sam"]) == 0
    capsys.readouterr()
    return tmp_path / "data"


def texts(data: Path) -> list[str]:
    with open_store(f"sqlite:///{data}/posts.db") as store:
        return [post.text for post in store.posts()]


def stored_bytes(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file())


def run_forget(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["forget", *arguments, "--yes", "--json", "-q"]) == 0
    out, err = capsys.readouterr()
    assert (out.count("\n"), err) == (1, "")
    found: dict[str, object] = json.loads(out)
    return found


def test_words_are_gone_for_good_from_every_file(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert SECRET in stored_bytes(data)
    assert run_forget(capsys, "--contains", "555 0199") == {
        "forgotten": 2, "mine": 1, "context": 1, "checkpoints": [], "retired": [], "runs": [],
    }  # fmt: skip
    assert texts(data) == ["did you water the beans"]
    assert SECRET not in stored_bytes(data)
    assert main(["import", "chat.jsonl", "--me", "sam", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["kept"], report["duplicates"], report["forgotten"]) == (3, 0, 1, 2)
    assert main(["import", "chat.jsonl", "--me", "sam"]) == 0
    assert ["forgotten", "before", "2"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert SECRET not in stored_bytes(data)


def test_a_line_of_plain_text_stays_out_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its id is made of its text: what is kept is the hash."""
    Path("notes.txt").write_text("one\nmy door code is 4711\ntwo\n")
    main(["import", "notes.txt"])
    capsys.readouterr()
    assert run_forget(capsys, "--contains", "4711")["forgotten"] == 1
    main(["import", "notes.txt"])
    assert not any("4711" in text for text in texts(data))
    assert b"4711" not in stored_bytes(data)


def test_one_chat_is_forgotten_by_its_id(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(f"sqlite:///{data}/posts.db") as store:
        channel = next(store.posts()).channel
    assert main(["forget", "--source", f"{channel}x", "--yes"]) == 1
    assert capsys.readouterr().err.startswith(f"dann: --source {channel}x: no posts are from that chat; ids look like ")
    assert run_forget(capsys, "--source", channel)["forgotten"] == 3
    assert texts(data) == []


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--id", "jsonl:a66be4b5a2b1:1"], ["My number is 555 0199", "thanks, 555 0199 it is"]),
        (["--source", "jsonl"], []),
        (["--before", "2023-05-02"], ["My number is 555 0199", "thanks, 555 0199 it is"]),
        (["--before", "2023-05-03T10:02:00Z"], ["thanks, 555 0199 it is"]),
        (["--contains", "BEANS"], ["My number is 555 0199", "thanks, 555 0199 it is"]),
        (["--contains", "peas"], ["did you water the beans", "My number is 555 0199", "thanks, 555 0199 it is"]),
    ],
)
def test_each_selector_takes_what_it_says(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], left: list[str]
) -> None:
    with open_store(f"sqlite:///{data}/posts.db") as store:
        first = next(store.posts()).id
    arguments = [first if word.startswith("jsonl:") else word for word in arguments]
    assert run_forget(capsys, *arguments)["forgotten"] == 3 - len(left)
    assert texts(data) == left


def test_an_id_that_is_forgotten_already_may_be_forgotten_again(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(f"sqlite:///{data}/posts.db") as store:
        first = next(store.posts()).id
    assert run_forget(capsys, "--id", first)["forgotten"] == 1
    assert run_forget(capsys, "--id", first)["forgotten"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "one of --contains, --id, --source, --before, --author and --requests is needed; found none"),
        (["--id", "a", "--author", "b"], 2, "is needed; found --id and --author"),
        (["--id", "a", "--now"], 2, "--now: goes with --author; "),
        (["--id", "a", "--contains", "b"], 2, "argument --contains: not allowed with argument --id"),
        (["--contains", " "], 1, "--contains '': is empty; give something to look for"),
        (["--id", ""], 1, "--id '': is empty"),
        (["--id", "901"], 1, "--id 901: there is no such post; ids look like discord:901 or telegram:77:12"),
        (["--id", "x" * 201], 1, "--id: no id is longer than 200 characters; this has 201"),
        (["--source", "discord"], 1, "--source discord: no posts are from there; there are jsonl"),
        (["--before", "2023-02-30"], 1, "--before 2023-02-30: is not a date; write it as in --before 2023-05-01"),
        (["--before", "May"], 1, "--before May: is not a date"),
        (
            ["--contains", "555"],
            1,
            "this would forget 2 posts (1 of yours, 2023-05-02 to 2023-05-03) for good; give --yes to confirm",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_forgets_nothing(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    """The last is right, but pytest's standard input is no terminal, so that nobody can be asked."""
    try:
        found = main(["forget", *arguments])
    except SystemExit as ended:
        found = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("dann: ")
    assert said in err
    assert len(texts(data)) == 3


def test_a_full_disk_is_one_line_forgets_nothing_and_leaves_no_log(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data.parent / "many.txt").write_text("".join(f"{n} {'word ' * 60}\n" for n in range(400)))
    assert main(["import", "many.txt", "--all-mine", "-q"]) == 0
    capsys.readouterr()
    before = texts(data)
    log = data / "posts.db-wal"
    with open_store(
        f"sqlite:///{data}/posts.db"
    ) as serving:  # as `dann serve` does, so that the log stays when others end
        assert serving.count() == (402, 1)
        with full_disk():
            assert main(["forget", "--contains", "word", "--yes"]) == 1
        assert log.stat().st_size == 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "so this was not done; make room on the disk" in err
    assert texts(data) == before
    assert run_forget(capsys, "--contains", "word")["forgotten"] == 400


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal as standard input; writing to this descriptor types."""
    here, there = os.openpty()
    with os.fdopen(there) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield here
    os.close(here)


@pytest.mark.parametrize(
    ("typed", "code", "left"), [("y\n", 0, 1), ("YES\n", 0, 1), ("\n", 1, 3), ("no\n", 1, 3), ("\4", 1, 3)]
)
def test_at_a_terminal_it_asks(
    data: Path, capsys: pytest.CaptureFixture[str], keyboard: int, typed: str, code: int, left: int
) -> None:
    os.write(keyboard, typed.encode())
    assert main(["forget", "--contains", "555"]) == code
    out, err = capsys.readouterr()
    assert "forget 2 posts (1 of yours, 2023-05-02 to 2023-05-03) for good? [y/N]" in err
    assert ("forgotten" in out) == (code == 0)
    assert len(texts(data)) == left


def make_checkpoints(data: Path, **created: str) -> None:
    """Save checkpoints by id with their creation times, and publish each in turn."""
    held = snapshot()
    for id_, when in created.items():
        meta = META.model_copy(update={"created": when})
        checkpoint.save(data / "checkpoints", id_, held.model, held.tokenizer, meta)
        checkpoint.publish(data / "checkpoints", id_)


def test_checkpoints_that_may_have_learned_from_them_are_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One made more than a day before the first of them was written cannot have; one that says no time may have."""
    make_checkpoints(
        data, a="2023-04-30T00:00:00+00:00", b="2023-05-01T12:00:00+00:00", c="2026-01-01T00:00:00+00:00", d="once"
    )
    assert main(["forget", "--contains", "555", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert "checkpoints that may have learned from them: b, c, d; `dann rm ID` removes one that does not serve" in err
    assert not (data / "checkpoints" / "RETIRED").exists()
    assert ["forgotten", "2"] in [line.split() for line in out.splitlines()]


def test_purged_ones_go_after_the_next_publish(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_checkpoints(data, a="2023-04-30T00:00:00+00:00", b="2024-01-01T00:00:00+00:00", c="2025-01-01T00:00:00+00:00")
    assert run_forget(capsys, "--contains", "555", "--purge")["retired"] == ["b", "c"]
    assert current(data / "checkpoints") == "c"
    make_checkpoints(data, d="2026-01-01T00:00:00+00:00")
    assert prune(data / "checkpoints", keep=5) == ["b", "c"]
    assert checkpoint.ids(data / "checkpoints") == ["a", "d"]


def test_an_unfinished_run_that_learned_from_them_cannot_be_gone_on_with(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or it would make a checkpoint of them that is newer than the forgetting."""
    for name in ("old", "new"):
        (data / "runs" / name).mkdir(parents=True)
        for file in ("resume.safetensors", "tokenizer.json", "samples.txt", "metrics.jsonl"):
            (data / "runs" / name / file).write_text("{}")
            os.utime(data / "runs" / name / file, (1e9, 1e9) if name == "old" else None)
    assert run_forget(capsys, "--contains", "number")["runs"] == ["new"]
    left = {path.parent.name + "/" + path.name for path in (data / "runs").glob("*/*")}
    assert left == {f"old/{file}" for file in ("resume.safetensors", "tokenizer.json", "samples.txt", "metrics.jsonl")} | {
        "new/tokenizer.json", "new/samples.txt", "new/metrics.jsonl",
    }  # fmt: skip
    assert run_forget(capsys, "--contains", "555", "--purge")["runs"] == []
    assert {path.name for path in (data / "runs" / "new").iterdir()} == {"metrics.jsonl"}
    assert len(list((data / "runs" / "old").iterdir())) == 4


def test_what_else_may_quote_them_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "runs" / "one").mkdir(parents=True)
    (data / "runs" / "one" / "samples.txt").write_text("thanks, 555 0199 it is")
    (data / "inbox" / "done").mkdir(parents=True)
    (data / "inbox" / "done" / "chat.jsonl").write_text(CHAT)
    assert main(["forget", "--contains", "555", "--yes"]) == 0
    err = capsys.readouterr().err
    assert "data/runs: samples of experiments may contain them; --purge removes those" in err
    assert "data/inbox/done: imported exports may still contain them; remove those files yourself" in err


def test_while_a_training_runs_nothing_is_forgotten(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with training_lock(data / "train.lock"):
        assert main(["forget", "--contains", "555", "--yes"]) == 1
    assert "a training is already running here" in capsys.readouterr().err
    assert len(texts(data)) == 3
    assert run_forget(capsys, "--contains", "555")["forgotten"] == 2


def test_where_the_file_cannot_be_cleared_that_is_said_and_can_be_done_later(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.store.database.WAIT_SECONDS", 0.1)
    with open_store(f"sqlite:///{data}/posts.db") as reader:
        reading = reader.posts()
        next(reading)
        assert main(["forget", "--contains", "555", "--yes"]) == 1
        out, err = capsys.readouterr()
        assert "forgotten" in out
        assert "the posts are forgotten; run this command again later to clear the file too" in err
        assert SECRET in stored_bytes(data)
        reading.close()  # type: ignore[attr-defined]  # it is a generator
        assert run_forget(capsys, "--contains", "555")["forgotten"] == 0
        assert SECRET not in stored_bytes(data)


NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("found", "made_at", "may"),
    [
        (SelectedPosts(), NOW, False),
        (SelectedPosts(["a"], oldest=NOW, newest=NOW), NOW + 10, True),
        (SelectedPosts(["a"], oldest=NOW, newest=NOW), NOW - 80_000, True),
        (SelectedPosts(["a"], oldest=NOW, newest=NOW), NOW - 90_000, False),
        (SelectedPosts(["a", "b"], oldest=NOW - 90_000, newest=NOW), NOW - 90_000, True),
        (SelectedPosts(["a", "b"], without_time=1, oldest=NOW, newest=NOW), NOW - 90_000, True),
        (SelectedPosts(["a"], without_time=1), NOW - 90_000, True),
        (SelectedPosts(["a"], oldest=NOW, newest=NOW), None, True),
    ],
)
def test_what_may_have_learned_from_posts(found: SelectedPosts, made_at: float | None, may: bool) -> None:
    assert may_have_learned(found, made_at) is may
