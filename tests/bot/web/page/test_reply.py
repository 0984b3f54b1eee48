"""`POST /api/reply`: the order of events, the engine's own text, and nothing drawn after a disconnect."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from bot.web.page.reply import ANOTHER
from model.checkpoints import checkpoint, retention
from model.engine.engine import Engine, Turn
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.engine.test_stream import held_up
from tests.model.small_networks import WILD, save, snapshot
from training.config.tables import DataConfig

HEY = {"messages": [{"mine": False, "text": "hey"}], "params": {"max_tokens": 60}}
TURNS = [Turn(mine=False, text="hey")]
PARAMS = WILD.model_copy(update={"max_tokens": 60})


@asynccontextmanager
async def serve_checkpoints(folder: Path) -> AsyncIterator[tuple[Web, Engine]]:
    """Serve checkpoint "two", with an older checkpoint "one" of other weights."""
    save(folder / "checkpoints", "one", seed=5)
    save(folder / "checkpoints", "two")
    async with Engine(checkpoint.load(folder / "checkpoints"), slots=8, waiting=8) as engine:
        await engine.ready()
        settings = BotSettings(data=DataConfig(dir=folder), sample=WILD)
        async with serve_http(FakeBot(settings=settings, engine=engine).state()) as web:
            yield web, engine


def run_scenario(folder: Path, act: Callable[[Web, Engine], Awaitable[None]]) -> None:
    async def play() -> None:
        async with serve_checkpoints(folder) as (web, engine):
            await act(web, engine)
            async with asyncio.timeout(30):
                while engine.load.busy + engine.load.waiting:
                    await asyncio.sleep(0.01)

    asyncio.run(play())


async def events(web: Web, **asked: Any) -> list[dict[str, Any]]:
    async with web.client.stream("POST", "/api/reply", json=HEY | asked) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        return [json.loads(line.removeprefix("data: ")) async for line in answer.aiter_lines() if line]


def text(told: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in told if event["type"] == "piece")


def ids(told: list[dict[str, Any]]) -> list[int]:
    """Token ids, without the one that ends the message."""
    found = [token for event in told if event["type"] == "piece" for token in event["tokens"]]
    return [token["id"] for token in found if token["text"]]


def test_it_is_the_engines_text_alone_and_in_a_crowd_and_says_what_it_follows_from(tmp_path: Path) -> None:
    async def act(web: Web, engine: Engine) -> None:
        expected = [await engine.submit(TURNS, PARAMS, seed).completion() for seed in range(6)]
        alone = [await events(web, seed=seed) for seed in range(6)]
        crowd = await asyncio.gather(*(events(web, seed=seed, watch=bool(seed % 2)) for seed in range(6)))
        for seed, completion in enumerate(expected):
            assert text(alone[seed]) == text(crowd[seed]) == completion.text
            start, *_, end = alone[seed]
            assert start == {"type": "start", "checkpoint": "two", "seed": seed, "params": PARAMS.model_dump()}
            assert end == {"type": "end", "finish_reason": completion.finish_reason, "tokens": completion.tokens}

    run_scenario(tmp_path, act)


def test_without_a_seed_each_is_another(tmp_path: Path) -> None:
    async def act(web: Web, _: Engine) -> None:
        told = [await events(web) for _ in range(2)]
        assert len({start["seed"] for start, *_ in told}) == 2
        assert text(await events(web, seed=told[0][0]["seed"])) == text(told[0])

    run_scenario(tmp_path, act)


def test_an_older_checkpoint_says_what_it_said_and_ends_with_the_server(tmp_path: Path) -> None:
    engines: set[threading.Thread] = set()

    async def act(web: Web, _: Engine) -> None:
        older = Engine(checkpoint.load(tmp_path / "checkpoints", "one"), slots=8).reply(TURNS, PARAMS, 7).text
        told = await events(web, checkpoint="one", seed=7)
        assert (told[0]["checkpoint"], text(told)) == ("one", older)
        assert text(await events(web, checkpoint="two", seed=7)) == text(await events(web, seed=7)) != older
        engines.update(thread for thread in threading.enumerate() if thread.name == "dann engine")

    run_scenario(tmp_path, act)
    assert len(engines) >= 2
    assert not [thread for thread in engines if thread.is_alive()]


def test_another_checkpoint_comes_to_serve_meanwhile_and_the_reply_ends_on_the_old_one(tmp_path: Path) -> None:
    async def act(web: Web, engine: Engine) -> None:
        expected = text(await events(web, seed=3, params={"max_tokens": 400}))
        under_way = asyncio.create_task(events(web, seed=3, params={"max_tokens": 400}))
        while not engine.load.busy:
            await asyncio.sleep(0.001)
        await engine.swap(checkpoint.load(tmp_path / "checkpoints", "one"))
        told = await under_way
        assert (told[0]["checkpoint"], text(told)) == ("two", expected)
        assert (await events(web, seed=3))[0]["checkpoint"] == "one"

    run_scenario(tmp_path, act)


@pytest.mark.parametrize(
    ("asked", "ends"), [({}, "end"), ({"checkpoint": "two"}, "error"), ({"begun": [100]}, "error")]
)
def test_a_reply_that_waited_meanwhile_says_which_checkpoint_draws_it_or_that_it_is_another_than_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], ends: str
) -> None:
    async def act(web: Web, engine: Engine) -> None:
        with held_up(monkeypatch) as go_on:
            before = [engine.submit(TURNS, PARAMS.model_copy(update={"max_tokens": 400}), seed) for seed in range(8)]
            while engine.load.busy < 8:
                await asyncio.sleep(0.001)
            waiting = asyncio.create_task(events(web, seed=3, watch=True, **asked))
            while not engine.load.waiting:
                await asyncio.sleep(0.001)
            await engine.swap(checkpoint.load(tmp_path / "checkpoints", "one"))
            go_on.set()
            told = await waiting
        assert [(await stream.completion()).checkpoint for stream in before] == ["two"] * 8
        assert told[-1]["type"] == ends
        if ends == "end":
            assert (told[0]["checkpoint"], text(told)) == ("one", text(await events(web, seed=3)))
        else:
            assert told == [{"type": "error", "message": ANOTHER}]

    run_scenario(tmp_path, act)


def test_every_token_has_its_thought_and_the_reply_goes_on_from_any_of_them(tmp_path: Path) -> None:
    async def act(web: Web, engine: Engine) -> None:
        stream = engine.submit(TURNS, PARAMS, 4, logprobs=True)
        await stream.completion()
        thoughts = stream.take_logprobs()
        told = await events(web, seed=4, watch=True)
        tokens = [token for event in told if event["type"] == "piece" for token in event["tokens"]]
        assert [token["id"] for token in tokens] == [thought.token for thought in thoughts]
        for token, thought in zip(tokens, thoughts, strict=True):
            assert token["logprob"] == pytest.approx(thought.logprob, abs=1e-4)
            assert token["entropy"] == pytest.approx(thought.entropy, abs=1e-4)
            assert [id_ for id_, _, _ in token["top"]] == [id_ for id_, _ in thought.top]
        whole = ids(told)
        for cut in (1, len(whole) // 2, len(whole) - 1):
            rest = await events(web, seed=4, watch=True, begun=whole[:cut], params={"max_tokens": 60 - cut})
            assert whole[:cut] + ids(rest) == whole
        other = next(id_ for id_, spelled, _ in tokens[0]["top"] if spelled and id_ != whole[0])
        assert (await events(web, seed=4, begun=[other]))[-1]["type"] == "end"

    run_scenario(tmp_path, act)


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"checkpoint": "three"}, 404, "model"),
        ({"checkpoint": "../one"}, 404, "model"),
        ({"begun": [0]}, 400, "begun.0"),
        ({"begun": [10_000]}, 404, "begun"),
        ({"params": {"temperature": 3}}, 400, "params.temperature"),
        ({"params": {"max_tokens": 5000}}, 400, "params.max_tokens"),
        ({"params": {"max_tokens": 1025}}, 400, "max_tokens"),
        ({"messages": [{"mine": False, "text": "x" * 20_001}]}, 400, "messages"),
        ({"messages": [{"mine": False, "text": "\ud800"}]}, 400, "messages.0.text"),
        ({"seed": "seven"}, 400, "seed"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_drawn(
    tmp_path: Path, asked: dict[str, Any], status: int, param: str
) -> None:
    async def act(web: Web, _: Engine) -> None:
        body = json.dumps(HEY | asked)
        answer = await web.client.post("/api/reply", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["param"] == param
        assert "\n" not in error["message"]

    run_scenario(tmp_path, act)


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[]", b'{"params": {"temperature": NaN}}', b'{"seed": 1' + b"0" * 5000 + b"}", b""]
)
def test_what_is_no_request_is_refused(tmp_path: Path, body: bytes) -> None:
    async def act(web: Web, _: Engine) -> None:
        answer = await web.client.post("/api/reply", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")

    run_scenario(tmp_path, act)


def test_who_goes_away_frees_the_place_at_once(tmp_path: Path) -> None:
    async def act(web: Web, engine: Engine) -> None:
        asked = HEY | {"params": {"max_tokens": 1000}, "seed": 1}
        async with web.client.stream("POST", "/api/reply", json=asked) as answer:
            await anext(answer.aiter_lines())
            drawn = engine.tokens_generated
        async with asyncio.timeout(30):
            while engine.load.busy:
                await asyncio.sleep(0.001)
        assert engine.tokens_generated - drawn < 1000

    run_scenario(tmp_path, act)


def test_a_full_queue_says_when_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(web: Web, engine: Engine) -> None:
        with held_up(monkeypatch):
            streams = [engine.submit([], WILD, seed) for seed in range(16)]
            answer = await web.client.post("/api/reply", json=HEY)
            for stream in streams:
                stream.cancel()
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")

    run_scenario(tmp_path, act)


def test_an_engine_that_stops_is_told_as_an_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with serve_checkpoints(tmp_path) as (web, engine):
            with held_up(monkeypatch):
                under_way = asyncio.create_task(events(web, params={"max_tokens": 1000}, seed=1))
                while not engine.load.waiting + engine.load.busy:
                    await asyncio.sleep(0.001)
                closing = asyncio.create_task(engine.close())
                assert engine._worker
                while not engine._worker._closing:
                    await asyncio.sleep(0.001)
            await closing
            assert (await under_way)[-1]["type"] == "error"
            assert (await web.client.post("/api/reply", json=HEY)).status_code == 503

    asyncio.run(play())


def test_before_there_is_a_checkpoint_it_is_not_ready() -> None:
    async def play() -> None:
        fake_bot = FakeBot(why_not=lambda: "no checkpoint is loaded yet")
        async with serve_http(fake_bot.state()) as web:
            answer = await web.client.post("/api/reply", json=HEY)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
            assert answer.json()["error"]["message"] == "no checkpoint is loaded yet"

    asyncio.run(play())


def test_what_learned_forgotten_posts_is_not_offered_any_more(tmp_path: Path) -> None:
    async def act(web: Web, _: Engine) -> None:
        retention.retire(tmp_path / "checkpoints", ["one"])
        assert [one["id"] for one in (await web.client.get("/v1/models")).json()["data"]] == ["dann", "two"]
        assert (await web.client.post("/api/reply", json=HEY | {"checkpoint": "one"})).status_code == 404

    run_scenario(tmp_path, act)


def test_few_older_ones_are_held_and_those_in_use_stay(tmp_path: Path) -> None:
    async def act(web: Web, _: Engine) -> None:
        save(tmp_path / "checkpoints", "a", "b", "c", publish=False)
        slow = HEY | {"checkpoint": "a", "params": {"max_tokens": 1000}, "seed": 1}
        async with web.client.stream("POST", "/api/reply", json=slow) as first:
            lines = first.aiter_lines()
            await anext(lines)
            assert (await events(web, checkpoint="b"))[-1]["type"] == "end"
            assert (await events(web, checkpoint="c"))[-1]["type"] == "end"  # in the place of "b"
            rest = [json.loads(line.removeprefix("data: ")) async for line in lines if line]
        assert rest[-1]["type"] == "end"

    run_scenario(tmp_path, act)


def test_a_character_that_the_model_never_saw_is_refused(tmp_path: Path) -> None:
    from model.tokenizer import Tokenizer

    async def play() -> None:
        async with Engine(snapshot(Tokenizer.of_characters(["hey lol"])), slots=1) as engine:
            settings = BotSettings(data=DataConfig(dir=tmp_path))
            async with serve_http(FakeBot(settings=settings, engine=engine).state()) as web:
                answer = await web.client.post("/api/reply", json={"messages": [{"mine": False, "text": "ж"}]})
                assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")
                assert "ж" not in answer.text

    asyncio.run(play())
