"""How many answers may be in progress at once: each of a request's counts, and chats keep places of their own."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings, WebConfig
from bot.web.http.paths import draws_a_reply
from bot.web.http.rate_limit import Answers, Drawing
from bot.web.sampling_request import KEPT_FOR_CHATS
from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.engine.test_stream import held_up
from tests.model.small_networks import WILD, parrot

HEY: list[Any] = [{"role": "user", "content": "hey"}]


def test_each_answer_of_a_request_counts() -> None:
    answers = Answers(WebConfig(streams=8, streams_in_all=12))
    one, two, other = (Drawing(answers, client) for client in ("ann", "ann", "bob"))
    assert [one.ask_for(1), one.ask_for(4), two.ask_for(1), two.ask_for(4)] == [""] * 4
    assert one.ask_for(5) == "Too many of your answers are in progress: 8 at once are allowed; this request asks for 5."
    assert Drawing(answers, "ann").ask_for(1) == "Too many of your answers are in progress: 8 at once are allowed."
    assert other.ask_for(1) == other.ask_for(4) == ""
    assert other.ask_for(5) == "Too many answers are in progress: 12 at once are allowed; this request asks for 5."
    for drawing in (one, two, other):
        drawing.end()
    assert Drawing(answers, "ann").ask_for(8) == ""


def test_one_request_for_more_than_the_limit_fits_where_nothing_else_is_in_progress() -> None:
    answers = Answers(WebConfig(streams=8, streams_in_all=32))
    large, small = Drawing(answers, "ann"), Drawing(answers, "ann")
    assert large.ask_for(1) == large.ask_for(64) == ""
    assert small.ask_for(1).startswith("Too many of your answers")
    assert Drawing(answers, "bob").ask_for(1).startswith("Too many answers")
    large.end()
    assert small.ask_for(1) == ""
    assert large.ask_for(64).endswith("this request asks for 64.")


async def post(web: Web, **body: Any) -> tuple[int, str]:
    path = "/v1/chat/completions" if "messages" in body else "/v1/completions"
    answer = await web.client.post(path, json={"max_tokens": 4, **body})
    return answer.status_code, answer.json().get("error", {}).get("message", "")


@pytest.mark.parametrize(
    ("body", "draws"),
    [
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": "a", "candidates": 4}, 1),
        ({"messages": HEY, "n": 2, "candidates": 4}, 8),
        ({"messages": HEY, "candidates": 4, "temperature": 0}, 1),
    ],
)
def test_what_a_request_of_programs_draws(body: dict[str, Any], draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    ask_for = Drawing.ask_for

    def recorded(drawing: Drawing, count: int) -> str:
        asked.append(count)
        return ask_for(drawing, count)

    monkeypatch.setattr(Drawing, "ask_for", recorded)

    async def play() -> None:
        async with Engine(parrot("hey lol"), 8) as engine:
            await engine.ready()
            async with serve_http(FakeBot(engine=engine).state(), config=WebConfig()) as web:
                assert (await post(web, **body))[0] == 200

    asyncio.run(play())
    assert asked == [1, draws]


def test_programs_leave_places_for_chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with Engine(parrot("hey lol"), slots=4, waiting=20) as engine:
            await engine.ready()
            bot = FakeBot(settings=BotSettings(data={"dir": tmp_path}), engine=engine)
            async with serve_http(bot.state()) as web:
                with held_up(monkeypatch):
                    first = asyncio.create_task(post(web, prompt=["a"] * 7, n=3))
                    while engine.free > engine.capacity // KEPT_FOR_CHATS:
                        await asyncio.sleep(0.01)
                    status, message = await post(web, prompt="a")
                    assert (status, message) == (429, "dann is busy: its queue of replies is full")
                    page = await web.client.post("/api/reply", json={"messages": []})
                    assert page.status_code == 429
                    chats = [engine.submit([], WILD, number) for number in range(3)]
                    assert engine.full
                assert (await first)[0] == 200
                for chat in chats:
                    await chat.completion()

    asyncio.run(play())


def test_a_question_of_the_quiz_counts_as_what_draws() -> None:
    assert draws_a_reply({"type": "http", "method": "GET", "path": "/api/quiz"})
    assert not draws_a_reply({"type": "http", "method": "GET", "path": "/api/card"})
