"""Collecting, whatever the platform: whose messages and where, in which order, and what a store that refuses costs."""

import asyncio
import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from bot.platforms import settings_class
from bot.replies.types import Author, Channel
from bot.serving import collect
from bot.serving.collect import Collector
from training.store.post import Post
from training.store.posts import open_store
from training.store.stored_choices import StoredChoices, chat_digest

ANN = Author("2", "Ann")
ROOM = Channel("discord", "7", guild="8")
HI = Post("discord:1", "discord:9", mine=True, time=10.0, text="hi", source="discord-live")


def settings(folder: Path, drain_seconds: float = 10.0, **discord: Any) -> BotSettings:
    bot = {"drain_seconds": drain_seconds, "discord": {"collect": True, "owners": ["2"]} | discord}
    return settings_class().model_validate({"data": {"dir": folder}, "bot": bot})


def posts(folder: Path) -> list[Post]:
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        return list(store.posts())


def stored_after(folder: Path, *told: Callable[[Collector], None], **config: Any) -> list[Post]:
    """What is stored once a collector was told these and has ended."""

    async def scenario() -> None:
        async with Collector(settings(folder, **config)) as collector:
            for tell in told:
                tell(collector)
                await asyncio.sleep(0)

    asyncio.run(scenario())
    return posts(folder)


@pytest.mark.parametrize(
    ("config", "channel", "author", "wanted"),
    [
        ({}, ROOM, ANN, True),
        ({}, ROOM, Author("3", "Bob"), False),
        ({}, ROOM, Author("2", "a program", is_bot=True), False),
        ({"collect": False}, ROOM, ANN, False),
        ({"collect_from": ["3"]}, ROOM, ANN, False),
        ({"collect_from": ["3"]}, ROOM, Author("3", "Bob"), True),
        ({"deny_channels": ["7"]}, ROOM, ANN, False),
        ({"allow_guilds": ["9"]}, ROOM, ANN, False),
        ({"direct_messages": False}, Channel("discord", "dm", private=True), ANN, False),
        ({}, Channel("discord", "dm", private=True), ANN, True),
        ({}, Channel("telegram", "-100"), ANN, False),
    ],
)
def test_only_whose_messages_are_listed_and_only_where_dann_may_be(
    tmp_path: Path, config: dict[str, Any], channel: Channel, author: Author, wanted: bool
) -> None:
    assert Collector(settings(tmp_path, **config)).wants(channel, author) is wanted


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    collector = Collector(settings_class().model_validate({"data": {"dir": tmp_path}}))
    assert (collector.collects("discord"), collector.collects("telegram"), collector.about()) == (False, False, "")
    assert Collector(settings(tmp_path)).about().startswith("collecting: what its owner writes on Discord is kept")


@pytest.mark.parametrize("platform", ["discord", "telegram"])
def test_collecting_from_nobody_is_refused(platform: str) -> None:
    with pytest.raises(ValueError, match="collect needs the id of whose messages are meant"):
        settings_class().model_validate({"bot": {platform: {"collect": True}}})


def test_what_it_is_told_is_stored_in_that_order(tmp_path: Path) -> None:
    other = replace(HI, id="discord:2", text="still here", time=20.0)
    edited = replace(HI, text="hello", edited=30.0)
    assert stored_after(tmp_path, lambda it: it.add(HI), lambda it: it.add(other), lambda it: it.add(edited)) == [
        edited,
        other,
    ]
    assert stored_after(
        tmp_path, lambda it: it.forget("discord:2"), lambda it: it.add(other), lambda it: it.forget("discord:7")
    ) == [edited]
    seven = replace(HI, id="discord:7", time=40.0)
    assert stored_after(tmp_path, lambda it: it.add(seven)) == [edited, seven], "what never was stored is not barred"


def test_what_was_taken_back_is_in_no_byte_of_the_files(tmp_path: Path) -> None:
    stored_after(tmp_path, lambda it: it.add(replace(HI, text="my door code is 4711")))
    with open_store(f"sqlite:///{tmp_path}/posts.db") as held:  # so that SQLite's log stays
        assert [post.text for post in held.posts()] == ["my door code is 4711"]
        stored_after(tmp_path, lambda it: it.forget("discord:1"))
        assert b"4711" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_nothing_is_lost_while_the_store_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The event loop turns all the while, and one line is logged."""
    monkeypatch.setattr(collect, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(collect, "RETRY_SECONDS", 0.05)
    assert posts(tmp_path) == []
    other = sqlite3.connect(tmp_path / "posts.db", isolation_level=None)
    kept = [replace(HI, id=f"discord:{number}", time=float(number)) for number in range(20)]

    async def scenario() -> None:
        other.execute("BEGIN IMMEDIATE")
        async with Collector(settings(tmp_path)) as collector:
            for post in kept:
                collector.add(post)
                await asyncio.sleep(0.02)
            assert posts(tmp_path) == []
            other.execute("ROLLBACK")

    asyncio.run(scenario())
    other.close()
    assert posts(tmp_path) == kept
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "hi" not in caplog.text.split()


def test_what_the_store_has_not_taken_when_dann_stops_waits_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "LOCK_SECONDS", 0.05)
    stored_after(tmp_path, lambda it: it.add(HI))
    other = sqlite3.connect(tmp_path / "posts.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    later = replace(HI, id="discord:2", text="ünï\n😂", time=20.0, reply_to="discord:1")
    for _ in range(2):  # the second start finds it still in use, and leaves all of it again
        assert stored_after(
            tmp_path, lambda it: it.add(later), lambda it: it.forget("discord:1"), drain_seconds=0.3
        ) == [HI]
        assert (tmp_path / "collected.jsonl").stat().st_mode & 0o777 == 0o600
    other.execute("ROLLBACK")
    other.close()
    assert stored_after(tmp_path) == [later]
    assert not (tmp_path / "collected.jsonl").exists()


def test_a_damaged_line_of_what_was_left_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = {"aliases": [], "outdated": [], "doubtful_ids": [], "other_id": ""}  # which versions before wrote as well
    post = {"id": "discord:1", "channel": "c", "mine": True, "time": 1.0, "text": "x", **before}
    whole = json.dumps({"id": "discord:1", "post": post})
    (tmp_path / "collected.jsonl").write_text(f'{{"id": "discord:2", "po\n{whole}\n[]\n')
    assert [post.text for post in stored_after(tmp_path)] == ["x"]
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "line 1 is no collected message, and passed over",
        "line 3 is no collected message, and passed over",
    ]


def test_the_loop_never_waits_for_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that only goes on once the loop has turned: were it waited for, both would stand still."""
    began, go = threading.Event(), threading.Event()
    went_on: list[bool] = []

    def slow(*_: object) -> None:
        began.set()
        went_on.append(go.wait(30))

    monkeypatch.setattr(collect, "_write_batch", slow)

    async def scenario() -> None:
        async with Collector(settings(tmp_path)) as collector:
            collector.add(HI)
            while not began.is_set():
                await asyncio.sleep(0.001)
            go.set()

    asyncio.run(scenario())
    assert went_on == [True]


def test_a_bug_costs_nothing_that_was_told_and_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(collect, "RETRY_SECONDS", 0.01)
    with monkeypatch.context() as patched:
        patched.setattr(collect, "_write_batch", broken)
        assert stored_after(tmp_path, lambda it: it.add(HI), drain_seconds=0.2) == []
    assert caplog.text.count("Traceback") == 1
    assert stored_after(tmp_path) == [HI]


def test_a_chat_that_imports_keep_out_is_not_collected_either(tmp_path: Path) -> None:
    kept_out = StoredChoices(excepted_chats=frozenset(map(chat_digest, ("discord:9", "telegram:7"))))
    with open_store(f"sqlite:///{tmp_path}/posts.db") as store, store.writing() as writer:
        writer.remember_choices(kept_out, 1, clear=False, clear_only=False)
    topic = replace(HI, id="telegram:7:1", channel="telegram:7:4")
    others = replace(HI, id="discord:2", channel="discord:99"), replace(HI, id="telegram:71:1", channel="telegram:71")
    told = [partial(Collector.add, post=post) for post in (HI, topic, *others)]
    assert {post.id for post in stored_after(tmp_path, *told)} == {"discord:2", "telegram:71:1"}
