"""Who is ignored after a start at which that could not be read: nobody is answered until it can, but for owners."""

import asyncio
from pathlib import Path

import pytest

from bot.replies.types import Author, Channel
from bot.serving import collect, privacy
from bot.serving.collect import Collector
from bot.serving.privacy import Privacy
from tests.bot.serving.privacy_harness import PrivacyHarness
from tests.bot.serving.test_collect import ANN, HI, ROOM, settings
from training.config.tables import DataConfig
from training.posts.secret_file import author_key
from training.store.post import Post
from training.store.posts import open_store
from training.store.selector import Selector

BOB, ME = Author("8", "Bob"), Author("1", "dann", is_me=True, is_bot=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(collect, "RETRY_SECONDS", 0.02)


async def tell_nobody(_: str) -> None:
    raise AssertionError("nobody asked for anything")


def is_ann(_: Channel, author: Author) -> bool:
    return author.id == ANN.id


def stored(data: DataConfig) -> list[Post]:
    with open_store(data.store_url) as store:
        return list(store.posts())


def digest_of_ann(data: DataConfig) -> str:
    with open_store(data.store_url) as store:
        return author_key(data, store).author(HI.source, ANN.id) or ""


def stored_of_ann(data: DataConfig) -> list[str]:
    with open_store(data.store_url) as store:
        return sorted(store.find(Selector(authors=frozenset({digest_of_ann(data)}))).ids)


def test_until_it_is_known_owners_alone_are_answered_and_then_all_but_who_is_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness = PrivacyHarness(tmp_path, "discord", 7)
    secret, sam = harness.data.dir / "secret", Author("7", "Sam")

    async def scenario() -> None:
        await harness.privacy.run(ROOM, sam, "ignore-me")
        secret.chmod(0o644)
        again = Privacy(harness.data, tell_nobody, 60.0, is_ann)
        await again.load()
        loading = asyncio.create_task(again.keep_loading())
        await asyncio.sleep(0.2)
        assert [again.ignores(ROOM, one) for one in (sam, BOB, ANN, ME)] == [True, True, False, False]
        assert again.asking().startswith("only owners are answered, as it is not known who is to be ignored: ")
        secret.chmod(0o600)
        await asyncio.wait_for(loading, 20)
        assert [again.ignores(ROOM, one) for one in (sam, BOB, ANN)] == [True, False, False]
        assert again.asking() == ""

    asyncio.run(scenario())
    assert caplog.text.count("who is to be ignored is not known") == 1
    assert caplog.text.count("who is to be ignored is known again") == 1


def test_where_there_is_no_store_nobody_is_ignored(tmp_path: Path) -> None:
    new = Privacy(DataConfig(dir=tmp_path / "data"), tell_nobody, 60.0)
    asyncio.run(new.load())
    assert new.known
    assert not new.ignores(ROOM, BOB)
    assert not (tmp_path / "data").exists()


def test_a_bug_in_reading_it_keeps_all_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    harness = PrivacyHarness(tmp_path, "discord", 7)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Privacy, "_remember", broken)
    asyncio.run(harness.privacy.load())
    assert harness.privacy.ignores(ROOM, BOB)
    assert "RuntimeError" in caplog.text


def test_the_first_collected_post_makes_the_secret_and_names_its_author(tmp_path: Path) -> None:
    made = settings(tmp_path)

    async def scenario() -> None:
        new = Privacy(made.data, tell_nobody, 60.0)
        await new.load()
        async with Collector(made, new) as collector:
            assert collector.wants(ROOM, ANN)
            collector.add(HI, ANN)

    asyncio.run(scenario())
    assert stored_of_ann(made.data) == [HI.id]


def test_collected_posts_wait_for_the_secret_and_those_of_ignored_people_are_dropped_then(tmp_path: Path) -> None:
    made = settings(tmp_path, collect_from=[ANN.id, BOB.id])

    async def scenario() -> None:
        before = Privacy(made.data, tell_nobody, 60.0)
        await before.run(ROOM, BOB, "ignore-me")
        secret = made.data.dir / "secret"
        secret.chmod(0o644)
        again = Privacy(made.data, tell_nobody, 60.0)
        await again.load()
        async with Collector(made, again) as collector:
            for number, author in enumerate((ANN, BOB)):
                assert collector.wants(ROOM, author)
                collector.add(
                    Post(f"discord:{number}", "discord:9", mine=True, time=1.0, text="hi", source=HI.source), author
                )
            await asyncio.sleep(0.2)
            assert stored(made.data) == []
            secret.chmod(0o600)

    asyncio.run(scenario())
    assert stored_of_ann(made.data) == [post.id for post in stored(made.data)] == ["discord:0"]


@pytest.mark.parametrize("readable", [True, False])
def test_what_waits_for_the_next_start_has_its_author_or_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, readable: bool
) -> None:
    made = settings(tmp_path, drain_seconds=0.0)
    with open_store(made.data.store_url) as store:
        author_key(made.data, store)
    (made.data.dir / "secret").chmod(0o600 if readable else 0o644)
    monkeypatch.setattr(Collector, "_is_written", lambda *_: False)

    async def scenario() -> None:
        async with Collector(made, Privacy(made.data, tell_nobody, 60.0)) as collector:
            collector.add(HI, ANN)
            collector.forget("discord:7")

    asyncio.run(scenario())
    (made.data.dir / "secret").chmod(0o600)
    waiting = collect._leftover_changes(made.data.dir / collect.FILE)
    assert [change.id for change in waiting] == (["discord:1"] if readable else []) + ["discord:7"]
    assert "Ann" not in (made.data.dir / collect.FILE).read_text()
    if readable:
        assert waiting[0].post
        assert waiting[0].post.author == digest_of_ann(made.data)
    assert ("1 collected messages are lost" in caplog.text) is not readable
