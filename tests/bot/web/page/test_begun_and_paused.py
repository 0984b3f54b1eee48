"""`POST /api/reply` with the first words of the answer given, and while dann is paused."""

import asyncio
import json
from typing import Any

from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.small_networks import TOKENIZER, parrot

HEY = {"messages": [{"mine": False, "text": "hey"}], "params": {"max_tokens": 6}, "seed": 1, "watch": True}


async def events(web: Web, **more: Any) -> list[dict[str, Any]]:
    answer = await web.client.post("/api/reply", json=HEY | more)
    assert answer.status_code == 200
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


def test_first_words_are_continued_as_their_tokens_are_and_told() -> None:
    async def play() -> None:
        async with Engine(parrot("hey lol ", forever=True)) as engine:
            await engine.ready()
            async with serve_http(FakeBot(engine=engine).state()) as web:
                tokens = TOKENIZER.encode("lol")
                by_text, by_tokens = await events(web, begun_text="lol"), await events(web, begun=tokens)
                assert by_text[0] == by_tokens[0] | {"begun": tokens}
                assert by_text[1:] == by_tokens[1:]
                assert "begun" not in (await events(web))[0]

    asyncio.run(play())


def test_while_paused_nothing_is_drawn_and_the_quiz_asks_nothing() -> None:
    async def play() -> None:
        bot = FakeBot(is_paused=True)
        async with Engine(parrot("hey lol")) as engine:
            bot.engine = engine
            async with serve_http(bot.state()) as web:
                answer = await web.client.post("/api/reply", json=HEY)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
                assert answer.json()["error"]["code"] == "paused"
                assert engine.load.busy + engine.load.waiting == 0

    asyncio.run(play())
