"""Guidance and candidates over HTTP, on a network that listens: the engine's own text on the page and at /v1."""

import asyncio
import json
from typing import Any

import pytest

from bot.config import BotSettings
from model.engine.engine import Engine, Turn
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.small_networks import WILD, snapshot

PARAMS = WILD.model_copy(update={"max_tokens": 12})
KINDS: list[dict[str, Any]] = [{}, {"guidance": 2.5}, {"candidates": 3}, {"guidance": 2.5, "candidates": 3}]
SAID = "the loss goes down"
LISTENER = snapshot(guidable=True, architecture="lstm_attention", attention_dim=8, attention_window=16)


async def page_text(web: Web, **params: Any) -> str:
    form = {"messages": [{"mine": False, "text": SAID}], "params": params, "seed": 5}
    async with web.client.stream("POST", "/api/reply", json=form) as answer:
        assert answer.status_code == 200
        told = [json.loads(line.removeprefix("data: ")) async for line in answer.aiter_lines() if line]
    assert told[0]["params"] == PARAMS.model_copy(update=params).model_dump()
    return "".join(event["text"] for event in told if event["type"] == "piece")


async def v1_text(web: Web, *, stream: bool, **params: Any) -> str:
    form = {"model": "dann", "messages": [{"role": "user", "content": SAID}], "seed": 5, "stream": stream} | params
    answer = await web.client.post("/v1/chat/completions", json=form)
    assert answer.status_code == 200
    if not stream:
        return str(answer.json()["choices"][0]["message"]["content"])
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line and line != "data: [DONE]"]
    return "".join(json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines)


def test_every_way_in_gives_the_engines_own_text_alone_and_in_a_crowd() -> None:
    async def play() -> None:
        engine = Engine(LISTENER, slots=16, waiting=64)
        async with engine, serve_http(FakeBot(settings=BotSettings(sample=PARAMS), engine=engine).state()) as web:
            alone = [await page_text(web, **kind) for kind in KINDS]
            crowd = await asyncio.gather(
                *(page_text(web, **kind) for kind in KINDS),
                *(v1_text(web, stream=stream, **kind) for stream in (False, True) for kind in KINDS),
            )
        assert crowd == alone * 3
        assert len(set(alone)) >= 3, "they draw otherwise; of several candidates the first may be the best"
        by_itself = Engine(LISTENER, slots=16)  # as many, so that its programs are there
        turns = [Turn(mine=False, text=SAID)]
        assert alone == [by_itself.reply(turns, PARAMS.model_copy(update=kind), 5).text for kind in KINDS]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [("guidance", -0.1, "0"), ("guidance", 3.1, "3"), ("candidates", 0, "1"), ("candidates", 5, "4")],
)
def test_what_is_out_of_range_is_refused_with_the_range(name: str, value: float, limit: str) -> None:
    async def play() -> None:
        async with serve_http(FakeBot(engine=Engine(LISTENER)).state()) as web:
            form = {"messages": [{"role": "user", "content": SAID}], "model": "dann", name: value}
            error = (await web.client.post("/v1/chat/completions", json=form)).json()["error"]
            assert (error["param"], error["type"]) == (name, "invalid_request_error")
            assert f"equal to {limit}" in error["message"]

    asyncio.run(play())
