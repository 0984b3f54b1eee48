"""A transformer behind the page: its replies are the engine's own, alone and in a crowd, guided and guarded.

Its ring is shorter than prompts and replies here, so that it wraps around.
"""

import asyncio
import json
from typing import Any

from bot.config import BotSettings
from model.engine.engine import Engine, Turn
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.made_up_guard import guarded, now_and_then
from tests.model.one_width import one_width
from tests.model.small_networks import TINY_TRANSFORMER, WILD, snapshot

PARAMS = WILD.model_copy(update={"max_tokens": 12, "guidance": 1.5})
SAID = "the loss goes down lol"


async def page_text(web: Web, **params: Any) -> str:
    form = {"messages": [{"mine": False, "text": SAID}], "params": params, "seed": 5}
    async with web.client.stream("POST", "/api/reply", json=form) as answer:
        assert answer.status_code == 200
        told = [json.loads(line.removeprefix("data: ")) async for line in answer.aiter_lines() if line]
    assert told[-1]["type"] == "end"
    return "".join(event["text"] for event in told if event["type"] == "piece")


def test_replies_are_the_engines_own_also_after_another_network_came_to_serve() -> None:
    """Streamed, guided, guarded and of several candidates; then an LSTM is swapped in, and the network back again."""
    served = guarded(snapshot(guidable=True, **TINY_TRANSFORMER), now_and_then(8))
    kinds: list[dict[str, Any]] = [{}, {"guidance": 0.0}, {"candidates": 3}]

    async def play() -> None:
        engine = Engine(served, slots=4)
        async with engine, serve_http(FakeBot(settings=BotSettings(sample=PARAMS), engine=engine).state()) as web:
            alone = [await page_text(web, **kind) for kind in kinds]
            crowd = await asyncio.gather(*(page_text(web, **kind) for kind in 2 * kinds))
            assert crowd == 2 * alone
            await engine.swap(snapshot(id_="lstm", guidable=True))
            of_lstm = await page_text(web)
            await engine.swap(served)
            assert [await page_text(web, **kind) for kind in kinds] == alone
        assert len({*alone, of_lstm}) >= 3, "they draw otherwise"
        turns = [Turn(mine=False, text=SAID)]
        by_itself = Engine(served, slots=4)
        assert alone == [by_itself.reply(turns, PARAMS.model_copy(update=kind), 5).text for kind in kinds]

    with one_width():
        asyncio.run(play())
