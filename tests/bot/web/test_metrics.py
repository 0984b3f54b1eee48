"""`/metrics`, read by Prometheus's own parser, and when the store is counted for it."""

import asyncio
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.replies.stats import BOUNDS, Outcome
from bot.serving import store_counts
from bot.serving.store_counts import EVERY_SECONDS, CachedCounts, StoreCounts, count_stored
from model.checkpoints.checkpoint import Meta
from model.engine.engine import Engine
from model.errors import DannError
from tests.bot.scripted_engine import Clock
from tests.bot.web.web_harness import FakeBot, samples, serve_http, value
from tests.model.made_up_guard import guarded
from tests.model.small_networks import GREEDY, parrot
from training.store.post import Post
from training.store.posts import open_store
from training.store.retrain_outcome import RetrainProgress, Verdict
from training.store.runs import open_runs

META = Meta(
    created="", step=1, seconds=1.0, val_bpb=2.25, posts=1, newest_post=None, seed=0, code_version="0", settings={},
)  # fmt: skip


def test_nothing_is_told_of_what_is_not_there_yet() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            page = await web.client.get("/metrics")
            assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert await web.samples() == {("dann_retraining", frozenset()): 0}

    asyncio.run(play())


def test_answers_by_platform_and_outcome_and_how_long_they_took() -> None:
    async def play() -> None:
        fake_bot = FakeBot(reloads={"done": 2, "failed": 1})
        for seconds in (0.004, 0.04, 0.04, 90.0):
            fake_bot.stats.count("discord", Outcome.ANSWERED, seconds)
        fake_bot.stats.count("telegram", Outcome.BUSY, 0.0)
        async with serve_http(fake_bot.state()) as web:
            found = await web.samples()
            assert value(found, "dann_replies_total", platform="discord", outcome="answered") == 4
            assert value(found, "dann_replies_total", platform="telegram", outcome="busy") == 1
            assert value(found, "dann_replies_total", platform="telegram", outcome="answered") == 0
            buckets = [
                value(found, "dann_reply_latency_seconds_bucket", platform="discord", le=str(bound))
                for bound in (*BOUNDS, "+Inf")
            ]
            assert buckets == [1, 1, *[3] * (len(BOUNDS) - 2), 4]
            assert value(found, "dann_reply_latency_seconds_count", platform="discord") == 4
            assert value(found, "dann_reply_latency_seconds_sum", platform="discord") == pytest.approx(90.084)
            assert value(found, "dann_reloads_total", outcome="done") == 2
            assert value(found, "dann_reloads_total", outcome="failed") == 1
            fake_bot.stats.count("discord", Outcome.ANSWERED, 0.1)
            found = await web.samples()
            assert value(found, "dann_replies_total", platform="discord", outcome="answered") == 5

    asyncio.run(play())


def test_the_engine_and_the_checkpoint_that_serves() -> None:
    async def play() -> None:
        day_ago = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        first = replace(parrot("hey lol"), meta=META.model_copy(update={"created": day_ago}))
        async with Engine(first, slots=4) as engine:
            await engine.ready()
            async with serve_http(FakeBot(engine=engine).state()) as web:
                found = await web.samples()
                assert value(found, "dann_tokens_drawn_total") == 0
                assert value(found, "dann_queue_depth") == value(found, "dann_slots_busy") == 0
                assert value(found, "dann_checkpoint_val_bpb") == 2.25
                assert value(found, "dann_checkpoint_age_seconds") == pytest.approx(86_400, abs=3600)
                tokens = (await engine.submit([], GREEDY, 1).completion()).tokens
                await engine.swap(replace(parrot("lol"), meta=META.model_copy(update={"val_bpb": 2.0})))
                found = await web.samples()
                assert value(found, "dann_tokens_drawn_total") == tokens > 0
                assert value(found, "dann_checkpoint_val_bpb") == 2.0
                assert not [name for name, _ in found if "refusals" in name]
                await engine.swap(guarded(parrot("hey lol"), lambda _, text: "lol" in text))
                await engine.submit([], GREEDY, 1, way="page").completion()
                text = (await web.client.get("/metrics")).text
                assert value(samples(text), "dann_guard_refusals_total", way="page", kind="run") > 0
                assert "lol" not in text
                assert not [name for name, _ in found if "age" in name]  # it does not say when it was made

    asyncio.run(play())


def test_what_is_in_the_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'posts.db'}"
    with open_store(url) as store, store.writing() as writer:
        mine = [Post(str(n), "c", mine=n > 0, time=None, text="secret", source="made") for n in range(4)]
        writer.add(mine)
    with open_runs(url) as runs:
        ended: list[Verdict] = ["refused", "published", "refused"]
        for verdict in ended:
            runs.finish(runs.begin("scheduled"), verdict, "", 1.0)
        runs.begin("by hand")  # it runs: nothing is decided
    stored = count_stored(url)
    assert stored.posts == {"mine": 3, "context": 1}
    assert stored.runs == {"published": 1, "refused": 2, "skipped": 0, "failed": 0}

    async def play() -> None:
        async with serve_http(FakeBot(store=lambda: stored).state()) as web:
            found = await web.samples()
            assert value(found, "dann_posts", kind="mine") == 3
            assert value(found, "dann_posts", kind="context") == 1
            assert value(found, "dann_retrain_runs_total", verdict="refused") == 2
            assert value(found, "dann_retrain_runs_total", verdict="failed") == 0
            assert "secret" not in (await web.client.get("/metrics")).text

    asyncio.run(play())


def test_how_far_a_retraining_is() -> None:
    async def play() -> None:
        fake_bot = FakeBot(retraining=RetrainProgress("reading", 0.5))
        async with serve_http(fake_bot.state()) as web:
            found = await web.samples()
            assert (value(found, "dann_retraining"), value(found, "dann_retraining_share", part="reading")) == (1, 0.5)
            assert not [name for name, _ in found if name == "dann_retraining_val_bpb"]
            fake_bot.retraining = RetrainProgress("learning", 0.25, 2.5)
            found = await web.samples()
            assert value(found, "dann_retraining_share", part="learning") == 0.25
            assert value(found, "dann_retraining_val_bpb") == 2.5
            assert len([name for name, _ in found if name == "dann_retraining_share"]) == 1
            fake_bot.retraining = None
            assert await web.samples() == {("dann_retraining", frozenset()): 0}

    asyncio.run(play())


def test_the_store_is_counted_off_the_loop_and_once_in_a_while() -> None:
    clock, threads = Clock(), list[threading.Thread]()

    def count() -> StoreCounts:
        threads.append(threading.current_thread())
        return StoreCounts({"mine": len(threads)}, {})

    async def play() -> None:
        newest = CachedCounts(count, clock).newest
        asked = await asyncio.gather(*(newest() for _ in range(5)))
        assert [one.posts["mine"] for one in asked if one] == [1] * 5
        clock.now = EVERY_SECONDS - 1
        await newest()
        assert len(threads) == 1
        clock.now = EVERY_SECONDS
        stale = await newest()
        assert stale is not None
        while (stored := await newest()) == stale:  # what is known is told until there is more
            await asyncio.sleep(0.01)
        assert stored is not None
        assert stored.posts["mine"] == len(threads) == 2
        assert threading.main_thread() not in threads

    asyncio.run(play())


def test_a_store_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_counts, "PATIENCE", 0.05)
    answers = threading.Event()

    def count() -> StoreCounts:
        answers.wait(60)
        return StoreCounts({"mine": 1}, {})

    async def play() -> None:
        newest = CachedCounts(count).newest
        assert await newest() is None
        assert await newest() is None
        answers.set()
        while await newest() is None:
            await asyncio.sleep(0.01)

    asyncio.run(play())


def test_a_store_that_cannot_be_read_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock, broken = Clock(), [False]

    def count() -> StoreCounts:
        if broken[0]:
            raise DannError(
                "postgresql://dann@host/dann: the store refused (gone), so this was not done; check data.url"
            )
        return StoreCounts({"mine": 1}, {})

    async def play() -> None:
        newest = CachedCounts(count, clock).newest
        assert await newest()
        broken[0], clock.now = True, EVERY_SECONDS
        while await newest():
            await asyncio.sleep(0.01)
        broken[0], clock.now = False, 2 * EVERY_SECONDS
        assert await newest()

    with caplog.at_level(logging.WARNING):
        asyncio.run(play())
    assert [record.getMessage() for record in caplog.records] == [
        "the store could not be counted: postgresql://dann@host/dann: the store refused (gone), so this was not done; "
        "check data.url"
    ]
