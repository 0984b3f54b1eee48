"""Telegram: what opens a topic, which numbers are times, and what earlier versions stored elsewhere or of no time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.exports.telegram.test_desktop_json import chat, make_message, notice, read
from training.cli.main import main
from training.exports.telegram import desktop_json
from training.posts.importer import ImportReport, scan_exports, store_exports
from training.store.post import Post
from training.store.posts import PostStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostStore]:
    with open_store(f"sqlite:///{tmp_path / 'data' / 'posts.db'}") as opened:
        yield opened


def load(store: PostStore, folder: Path, export: object) -> ImportReport:
    read(folder, export)  # writes it, and checks that it is claimed
    return store_exports(store, scan_exports([folder / "result.json"], "Fox", known=store.owners))


DINNER = chat(
    make_message(1, "who comes"),
    notice(3, "invite_members"),
    make_message(5, "welcome", reply_to_message_id=3),
    make_message(6, "thanks", reply_to_message_id=5),
    notice(10, "topic_created"),
    make_message(11, "in it", reply_to_message_id=10),
    notice(12, "pin_message") | {"reply_to_message_id": 10},
    make_message(13, "why pinned", reply_to_message_id=12),
    make_message(14, "in it too", reply_to_message_id=11),
)


def test_an_answer_to_a_notice_stays_in_its_chat_and_answers_nothing(tmp_path: Path) -> None:
    found = {record.text: (record.channel, record.reply_to) for record in read(tmp_path, DINNER) if record.text}
    assert found == {
        "who comes": ("telegram:77", None),
        "welcome": ("telegram:77", None),
        "thanks": ("telegram:77", "telegram:77:5"),
        "in it": ("telegram:77:10", None),
        "why pinned": ("telegram:77:10", None),
        "in it too": ("telegram:77:10", "telegram:77:11"),
    }


def test_posts_stored_in_another_channel_are_moved_and_not_stored_twice(store: PostStore, tmp_path: Path) -> None:
    with store.writing() as writer:
        for number, text, topic in ((5, "welcome", ":3"), (6, "thanks", ":3"), (11, "in it", ":10")):
            post = Post(f"telegram:77:{number}", f"telegram:77{topic}", True, 1_700_000_000.0 + number, text)
            writer.add([post])
    report = load(store, tmp_path, DINNER)
    assert (report.kept, report.updated) == (3, 2)
    assert {post.text: post.channel for post in store.posts()} == {
        "who comes": "telegram:77", "welcome": "telegram:77", "thanks": "telegram:77", "why pinned": "telegram:77:10",
        "in it": "telegram:77:10", "in it too": "telegram:77:10",
    }  # fmt: skip
    again = load(store, tmp_path, DINNER)
    assert (again.kept, again.updated) == (0, 0)


LOCAL = 1672628645.0
"""The message's `date`, read as UTC."""


@pytest.mark.parametrize(
    ("unix", "expected"),
    [
        ("1704103200", 1704103200.0), (1704103200, 1704103200.0), ("1704103200000", 1704103200.0),
        ("inf", LOCAL), ("nan", LOCAL),
        ("-5", LOCAL), ("9" * 30, LOCAL), (10**400, LOCAL), (True, LOCAL), ([], LOCAL), ("soon", LOCAL),
    ],
)  # fmt: skip
def test_only_a_number_that_is_a_time_is_one(tmp_path: Path, unix: Any, expected: float) -> None:
    [record] = read(tmp_path, chat(make_message(1, "hi", date_unixtime=unix)))
    assert record.time == expected


@pytest.mark.parametrize("stored", [1704103200000.0, float("inf"), float("nan"), float("-inf"), -1e15])
def test_a_store_with_a_time_of_no_date_is_shown_and_gets_the_right_one(
    store: PostStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stored: float
) -> None:
    monkeypatch.chdir(tmp_path)
    with store.writing() as writer:
        writer.add([Post("telegram:77:1", "telegram:77", True, stored, "hi", source="telegram")])
    for options in ((), ("--json",), ("--private",)):
        assert main(["posts", *options]) == 0
    assert "Traceback" not in capsys.readouterr().err
    assert [post.time for post in store.posts()] == [None]
    export = chat(make_message(1, "hi", date_unixtime=str(stored)))
    assert load(store, tmp_path, export).updated == 1
    assert [post.time for post in store.posts()] == [1704103200.0 if stored == 1704103200000.0 else LOCAL]
    assert load(store, tmp_path, export).updated == 0


def test_a_message_without_an_id_is_known_by_the_time_it_had(
    store: PostStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = chat(make_message(1, "hi", date_unixtime="1704103200000"), number=None)
    with monkeypatch.context() as before:
        before.setattr(desktop_json, "_seconds", lambda message, key: float(message.get(f"{key}_unixtime") or 0))
        assert load(store, tmp_path, export).kept == 1
    again = load(store, tmp_path, export)
    assert (again.kept, again.updated, [post.time for post in store.posts()]) == (0, 1, [1704103200.0])
