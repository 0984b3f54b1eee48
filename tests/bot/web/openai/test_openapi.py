"""The OpenAPI document, tried by schemathesis with valid and invalid requests; and /docs."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from bot.config import BotConfig, BotSettings, WebConfig
from bot.web.http.security_headers import THEME_SCRIPT
from model.checkpoints import checkpoint
from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, serve_http
from tests.model.small_networks import parrot, save
from training.config.tables import DataConfig

EXAMPLES = int(os.environ.get("DANN_EXAMPLES", "1"))
"""Random requests of each kind, beside the fixed ones; `make soak` asks for many."""


@pytest.mark.slow
def test_no_answer_is_a_surprise(tmp_path: Path) -> None:
    save(tmp_path / "checkpoints", "one")

    async def play() -> None:
        async with Engine(parrot("hey lol"), slots=16, waiting=4096) as engine:
            await engine.ready()
            settings = BotSettings(data=DataConfig(dir=tmp_path), bot=BotConfig(web=WebConfig(most_tokens=4096)))
            async with serve_http(FakeBot(settings=settings, engine=engine).state()) as web:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
                    f"http://127.0.0.1:{web.port}/openapi.json", f"--max-examples={EXAMPLES}", "--seed=1", "--checks=all",
                    "--mode=all", "--phases=examples,coverage,fuzzing", "--generation-database=none", "--no-color",
                    cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                )  # fmt: skip
                out, _ = await process.communicate()
                assert process.returncode == 0, out.decode()[-6000:]

    asyncio.run(play())
    assert checkpoint.ids(tmp_path / "checkpoints") == ["one"]


def test_the_document_is_a_page_that_names_everything_in_it() -> None:
    async def play() -> None:
        async with serve_http(FakeBot().state()) as web:
            page, document = await web.client.get("/docs"), (await web.client.get("/openapi.json")).json()
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["cache-control"] == "no-cache"  # another version's document may be another
        assert page.text.count("<script>") == page.text.count(f"<script>{THEME_SCRIPT}</script>") == 1
        assert "://" not in page.text
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                assert f"{method.upper()}</span> <code>{path}</code>" in page.text
                assert operation["description"].replace("'", "&#x27;") in page.text
        anchors = re.findall(r'id="(\w+)"', page.text)
        assert set(re.findall(r'href="#(\w+)"', page.text)) <= set(anchors)
        for name, schema in document["components"]["schemas"].items():
            assert name in anchors
            own = page.text[page.text.index(f'id="{name}"') :]
            for field in schema["properties"]:
                assert f"<code>{field}</code>" in own

    asyncio.run(play())
