"""`/api/card`: the serving checkpoint, earlier ones and retraining runs, and no post in any of it."""

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from bot.process.timed_cache import TimedCache
from bot.web.page import card_data
from bot.web.page.card_data import MAX_RUNS, without_paths
from bot.web.page.card_schema import CardRun
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.curve import Point
from model.engine.engine import Engine
from model.errors import DannError
from tests.bot.scripted_engine import Clock
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.small_networks import META, TOKENIZER, snapshot
from training.store.post import Post
from training.store.posts import open_store
from training.store.retrain_outcome import RetrainProgress
from training.store.runs import open_runs

COPIES = {"samples": 100, "longest_words": 9, "near_copies": 0.01, "begun": 100, "recited": 0.04}
CURVE: list[Point] = [(1.5, 10, 3.1, 3.0), (3.0, 20, 2.5, 2.6)]
SECRET = "nobody may read this"


@pytest.fixture
def settings(tmp_path: Path) -> BotSettings:
    """A store with a post, and two checkpoints; the older one has no curve."""
    asked = BotSettings.model_validate({"data": {"dir": tmp_path}, "persona": {"name": "sam"}})
    root, held = asked.data.checkpoints, snapshot()
    meta = META.model_copy(
        update={"baselines": {"ppmd": 1.75}, "settings": {"data": {"me": SECRET}}, "listening": 0.36, "copies": COPIES}
    )
    checkpoint.save(root, "20260101-000000", held.model, TOKENIZER, META.model_copy(update={"val_bpb": 2.5}))
    checkpoint.save(root, "20260102-000000", held.model, TOKENIZER, meta, CURVE)
    checkpoint.publish(root, "20260102-000000")
    with open_store(asked.data.store_url) as store, store.writing() as writer:
        writer.add([Post("1", "a", True, 1.0, SECRET)])
    return asked


def loaded(settings: BotSettings) -> Snapshot:
    return checkpoint.load(settings.data.checkpoints)


async def card(web: Web) -> dict[str, Any]:
    answer = await web.client.get("/api/card")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert SECRET not in answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_before_there_is_anything_the_card_is_empty(tmp_path: Path) -> None:
    async def play() -> None:
        asked = BotSettings.model_validate({"data": {"dir": tmp_path}})
        async with serve_http(FakeBot(settings=asked).state()) as web:
            assert await card(web) == {
                "name": "dann", "checkpoint": None, "baselines": None, "curve": [], "checkpoints": [], "runs": [],
                "retraining": None, "defaults": asked.sample.model_dump(), "quiz": False,
            }  # fmt: skip

    asyncio.run(play())


def test_what_serves_is_told_with_how_it_was_learned_and_what_came_before(settings: BotSettings) -> None:
    async def play() -> None:
        fake_bot = FakeBot(settings=settings, engine=Engine(loaded(settings)))
        async with serve_http(fake_bot.state()) as web:
            told = await card(web)
        weights = (settings.data.checkpoints / "20260102-000000" / "weights.safetensors").stat().st_size
        serving = told["checkpoint"]
        assert serving["bytes"] == 4 * serving["params"]
        assert 0 < weights - serving["bytes"] < 2000  # the names of what is in it
        assert {name: serving[name] for name in ("id", "created", "posts", "newest_post", "val_bpb", "seconds")} == {
            "id": "20260102-000000", "created": META.created, "posts": 4, "newest_post": None, "val_bpb": 2.3456,
            "seconds": 1.0,
        }  # fmt: skip
        assert [serving[name] for name in ("steps", "vocab_size", "architecture", "hidden_dim", "num_layers")] == [
            1, TOKENIZER.vocab_size, "lstm", 16, 1,
        ]  # fmt: skip
        assert serving["base"] is None
        assert serving["listening"] == 0.36
        assert serving["copies"] == {"longest_words": 9, "near_copies": 0.01, "begun": 100, "recited": 0.04}
        assert told["name"] == "sam"
        assert told["baselines"] == {"ppmd": 1.75}
        assert told["curve"] == [list(point) for point in CURVE]
        assert [(one["id"], one["val_bpb"], one["current"]) for one in told["checkpoints"]] == [
            ("20260102-000000", 2.3456, True),
            ("20260101-000000", 2.5, False),
        ]

    asyncio.run(play())


def test_a_base_is_named_with_those_whose_texts_it_read(settings: BotSettings) -> None:
    async def told_of(base: str) -> Any:
        held = loaded(settings)
        meta = META.model_copy(update={"settings": {"train": {"base": base}}})
        fake_bot = FakeBot(settings=settings, engine=Engine(replace(held, meta=meta)))
        async with serve_http(fake_bot.state()) as web:
            return (await card(web))["checkpoint"]["base"]

    async def play() -> None:
        base = settings.data.bases / "chat"
        base.mkdir(parents=True)
        credited = {"attribution": "Small Talk, A. Person", "licence": "MIT"}
        source = {"name": "talk", "sha256": "", "messages": 1, "bytes": 1, "weight": 1.0, **credited}
        figures = {"architecture": "lstm", "params": 1, "tokens": 1, "passes": 1.0, "minutes": 1.0, "val_bpb": 1.5}
        sheet = {"name": "chat", "created": "", "licence": "CC0", "code_version": "1", **figures, "sources": [source]}
        (base / "base.json").write_text(json.dumps(sheet))
        (base / "manifest.json").write_text("{}")
        assert await told_of("chat") == {
            "name": "chat", "licence": "CC0", "credits": ["Small Talk, A. Person (MIT)"],
        }  # fmt: skip
        assert await told_of("/home/somebody/gone") == {"name": "gone", "licence": "", "credits": []}
        assert await told_of("off") is None

    asyncio.run(play())


def test_a_checkpoint_from_before_curves_has_none_and_a_damaged_one_is_listed(settings: BotSettings) -> None:
    async def play() -> None:
        root = settings.data.checkpoints
        (root / "20260102-000000" / "meta.json").write_text("{")
        fake_bot = FakeBot(settings=settings, engine=Engine(checkpoint.load(root, "20260101-000000")))
        async with serve_http(fake_bot.state()) as web:
            told = await card(web)
        assert (told["curve"], told["baselines"]) == ([], None)
        assert told["checkpoints"] == [
            {"id": "20260102-000000", "created": None, "posts": None, "val_bpb": None, "current": False},
            {"id": "20260101-000000", "created": META.created, "posts": 4, "val_bpb": 2.5, "current": True},
        ]

    asyncio.run(play())


def test_what_retraining_decided_and_why_newest_first(settings: BotSettings) -> None:
    with open_runs(settings.data.store_url) as runs:
        for number in range(MAX_RUNS + 1):
            runs.finish(runs.begin("test", float(number)), "skipped", "3 new posts", 1.0, new_posts=3)
        figures = {"candidate_bpb": 2.5, "incumbent_bpb": 2.25}
        reason = "it knows held-out posts worse: 2.500 bits per byte"
        runs.finish(runs.begin("test", 1e9), "refused", reason, 60.0, candidate="20260102-000000", **figures)
        runs.begin("test", 1.5e9)

    async def play() -> None:
        async with serve_http(FakeBot(settings=settings).state()) as web:
            found = (await card(web))["runs"]
        assert len(found) == MAX_RUNS
        assert (found[0]["verdict"], found[0]["seconds"], found[0]["started"]) == ("running", None, 1.5e9)
        assert found[1] == {
            "started": 1e9, "verdict": "refused", "reason": reason, "candidate": "20260102-000000",
            "candidate_bpb": 2.5, "incumbent_bpb": 2.25, "new_posts": None, "seconds": 60.0,
        }  # fmt: skip
        assert (found[2]["verdict"], found[2]["new_posts"], found[2]["started"]) == ("skipped", 3, MAX_RUNS)

    asyncio.run(play())


def test_reasons_name_no_place_of_this_machine() -> None:
    reason = (
        "what served no longer loads (/home/sam/my data/checkpoints/x: checkpoint x is damaged: meta.json is missing)"
    )
    assert without_paths(reason) == "what served no longer loads … … checkpoint x is damaged: meta.json is missing)"
    assert without_paths("postgresql://sam@db/dann: refused") == "… refused"
    assert without_paths("C:\\Users\\sam: full") == "… full"
    plain = "2.500 bits per byte where the incumbent has 2.250 (retrain.tolerance)"
    assert without_paths(plain) == plain


def test_how_far_a_retraining_is_and_which_checkpoint_serves_are_never_old(settings: BotSettings) -> None:
    async def play() -> None:
        fake_bot = FakeBot(settings=settings, engine=Engine(loaded(settings)))
        async with serve_http(fake_bot.state()) as web:
            assert (await card(web))["retraining"] is None
            fake_bot.retraining = RetrainProgress("learning", 0.5, 1.9, run=7)
            fake_bot.engine = Engine(replace(loaded(settings), id="20260101-000000"))
            told = await card(web)
            assert told["retraining"] == {"part": "learning", "share": 0.5, "val_bpb": 1.9}
            assert (told["checkpoint"]["id"], told["curve"]) == ("20260101-000000", [])
            assert [one["current"] for one in told["checkpoints"]] == [False, True]

    asyncio.run(play())


def test_a_database_that_does_not_answer_holds_up_neither_the_card_nor_anything_else(
    settings: BotSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card waits in one thread for all requests, and then comes without runs."""
    looking, go = threading.Event(), threading.Event()
    looks = []

    def stuck(url: str) -> list[CardRun]:
        looks.append(url)
        looking.set()
        go.wait()
        return []

    monkeypatch.setattr(card_data, "_runs", stuck)

    async def play() -> None:
        async with serve_http(FakeBot(settings=settings).state()) as web:
            asking = [asyncio.create_task(card(web)) for _ in range(5)]
            await asyncio.to_thread(looking.wait)
            assert (await web.client.get("/healthz")).status_code == 200
            go.set()
            await asyncio.gather(*asking)
            assert len(looks) == 1

    asyncio.run(play())


def test_a_store_that_cannot_be_read_leaves_the_card_without_runs(settings: BotSettings) -> None:
    settings.data.store_file.write_bytes(b"this is no database, however long one looks at it" * 100)

    async def play() -> None:
        async with serve_http(FakeBot(settings=settings, engine=Engine(loaded(settings))).state()) as web:
            told = await card(web)
        assert told["runs"] == []
        assert told["checkpoint"]["id"] == "20260102-000000"

    asyncio.run(play())


def test_a_find_is_kept_for_a_while_and_for_its_key_and_a_failure_is_not() -> None:
    async def play() -> None:
        clock, looks = Clock(), list[str]()
        kept: TimedCache[int] = TimedCache(5.0, clock)

        def look(key: str) -> int:
            looks.append(key)
            if key == "bad":
                raise DannError("no")
            return len(looks)

        assert [await kept.get("a", lambda: look("a")) for _ in range(3)] == [1, 1, 1]
        clock.now = 5.0
        assert await kept.get("a", lambda: look("a")) == 2
        assert await kept.get("b", lambda: look("b")) == 3
        for _ in range(2):
            with pytest.raises(DannError, match="no"):
                await kept.get("bad", lambda: look("bad"))
        assert looks == ["a", "a", "b", "bad", "bad"]
        assert await kept.get("c", lambda: look("c")) == 6
        kept.drop()
        assert await kept.get("c", lambda: look("c")) == 7

    asyncio.run(play())


def test_who_asks_at_the_very_moment_a_lookup_ends_begins_no_other() -> None:
    async def play() -> None:
        clock, looks = Clock(), list[int]()
        kept: TimedCache[int] = TimedCache(5.0, clock)

        def look() -> int:
            looks.append(len(looks))
            if len(looks) == 2:
                raise DannError("no")
            return len(looks)

        async def ask_at_every_turn_of_the_loop() -> None:
            while (newest := await kept.get("a", look)) == 1:
                await asyncio.sleep(0)
            assert newest == 3

        assert await kept.get("a", look) == 1
        clock.now = 5.0
        with pytest.raises(DannError, match="no"):
            await kept.get("a", look)
        await asyncio.gather(*(ask_at_every_turn_of_the_loop() for _ in range(5)))
        for _ in range(20):
            before, clock.now = len(looks), clock.now + 5.0
            while await kept.latest(look, 0.0) == before:
                assert len(looks) <= before + 1
                await asyncio.sleep(0)

    asyncio.run(play())
