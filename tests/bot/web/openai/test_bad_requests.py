"""Malformed requests to /v1: refused in one line, in OpenAI's form, and dann goes on answering."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.bot.web.openai.test_clients import serve_checkpoints

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HEY = {"role": "user", "content": "hey"}


def chat(**fields: Any) -> bytes:
    return json.dumps({"messages": [HEY], "max_tokens": 2, **fields}).encode()


def text(**fields: Any) -> bytes:
    return json.dumps({"prompt": "hey", "max_tokens": 2, **fields}).encode()


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (CHAT, b"\xff\xfe{", 400, None),
        (TEXT, b'{"prompt": "\xe9"}', 400, None),
        (CHAT, chat(messages=[{"role": "user", "content": "a \ud800"}]), 400, "messages.0.content"),
        (TEXT, text(prompt="\udfff"), 400, "prompt"),
        (TEXT, text(stop=["\ud800"]), 400, "stop"),
        (TEXT, text(model="\ud800"), 400, "model"),
        (CHAT, chat(temperature=float("nan")), 400, "temperature"),
        (TEXT, text(temperature=float("inf")), 400, "temperature"),
        (TEXT, text(top_p=float("nan")), 400, "top_p"),
        (CHAT, chat(n=-1), 400, "n"),
        (TEXT, text(n=0), 400, "n"),
        (TEXT, text(n=10**30), 400, "n"),
        (TEXT, text(seed=10**30), 400, "seed"),
        (CHAT, chat(model="gpt-9"), 404, "model"),
        (CHAT, b"[]", 400, None),
        (TEXT, b"", 400, None),
        (TEXT, b"null", 400, None),
        (TEXT, b"[" * 100_000, 400, None),
        (TEXT, b'{"prompt": "' + b"x" * 10_000_000 + b'"}', 413, None),
    ],
)
def test_it_is_said_what_is_wrong_and_the_next_is_answered(
    tmp_path: Path, path: str, body: bytes, status: int, param: str | None
) -> None:
    async def play() -> None:
        async with serve_checkpoints(tmp_path) as (_, _, web):
            answer = await web.client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == status
            error = answer.json()["error"]
            assert error["type"] == ("not_found_error" if status == 404 else "invalid_request_error")
            assert (error["param"] or "").startswith(param or "")
            assert (error["param"] is None) == (param is None)
            assert "\n" not in error["message"]
            headers = {"Content-Type": "application/json"}
            for good in ((CHAT, chat()), (TEXT, text())):
                assert (await web.client.post(good[0], content=good[1], headers=headers)).status_code == 200

    asyncio.run(play())
