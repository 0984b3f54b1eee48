"""Reporting an answer: to every owner, in a message of bounded length, or not at all where there is none."""

import asyncio
from typing import Any

import pytest

from tests.bot.web.web_harness import FakeBot, serve_http

ANSWER: dict[str, Any] = {"message": "hello", "text": "no", "seed": 7, "checkpoint": "20260101-000000"}


def test_an_answer_is_sent_with_what_draws_it_again() -> None:
    async def play() -> None:
        bot = FakeBot(reported=[])
        async with serve_http(bot.state()) as web:
            answer = await web.client.post("/api/report", json=ANSWER)
            assert (answer.status_code, answer.json()) == (200, {"sent": True})
            assert bot.reported == [
                "Somebody reports an answer on the page (checkpoint 20260101-000000, seed 7).\n"
                "It answers: hello\nThe answer: no"
            ]
            await web.client.post("/api/report", json={**ANSWER, "message": "x" * 5000, "text": "y" * 5000})
            assert len(bot.reported[-1]) < 1900  # one message on Discord

    asyncio.run(play())


@pytest.mark.parametrize(
    "wrong", [{}, {**ANSWER, "text": ""}, {**ANSWER, "seed": "7"}, {**ANSWER, "text": "x" * 20_001}]
)
def test_what_is_no_report_is_refused(wrong: Any) -> None:
    async def play() -> None:
        bot = FakeBot(reported=[])
        async with serve_http(bot.state()) as web:
            assert (await web.client.post("/api/report", json=wrong)).status_code == 400
            assert bot.reported == []

    asyncio.run(play())


def test_without_an_owner_it_is_off() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            answer = await web.client.post("/api/report", json=ANSWER)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == "there is no owner here who could be told"

    asyncio.run(play())
