"""/v1 with the prompt repeated before the text, and while an owner has paused dann."""

import asyncio
from typing import Any

import pytest

from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, serve_http
from tests.model.small_networks import parrot

BODIES: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": "hey"},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hey"}]},
}


@pytest.mark.parametrize("echo", [True, False])
def test_offsets_are_places_in_the_text(*, echo: bool) -> None:
    async def play() -> None:
        async with Engine(parrot("lol hey", forever=True)) as engine:
            await engine.ready()
            async with serve_http(FakeBot(engine=engine).state()) as web:
                body = {"prompt": "hello ", "echo": echo, "logprobs": 1, "max_tokens": 6, "temperature": 0}
                (choice,) = (await web.client.post("/v1/completions", json=body)).json()["choices"]
                logprobs = choice["logprobs"]
                for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
                    assert choice["text"][offset : offset + len(token)] == token
                assert logprobs["text_offset"][0] == (len("hello ") if echo else 0)

    asyncio.run(play())


@pytest.mark.parametrize("path", BODIES)
def test_while_paused_nothing_is_drawn(path: str) -> None:
    async def play() -> None:
        async with Engine(parrot("hey lol")) as engine:
            await engine.ready()
            bot = FakeBot(engine=engine, is_paused=True)
            async with serve_http(bot.state()) as web:
                answer = await web.client.post(path, json=BODIES[path])
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
                assert answer.json()["error"]["code"] == "paused"
                assert (await web.client.get("/v1/models")).status_code == 200
                bot.is_paused = False
                assert (await web.client.post(path, json=BODIES[path])).status_code == 200

    asyncio.run(play())
