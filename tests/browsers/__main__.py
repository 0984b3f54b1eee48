"""`python -m tests.browsers`: the page on a small engine, and journeys.mjs through it in Debian's firefox-esr."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from bot.config import BotSettings
from model.engine.engine import Engine
from tests.bot.web.web_harness import FakeBot, serve_http
from tests.model.small_networks import parrot

JOURNEYS = Path(__file__).with_name("journeys.mjs")
WANTED = {"node": "Debian's nodejs", "firefox-esr": "Debian's firefox-esr"}


async def main() -> int:
    """Serve, and return the exit code of the journeys."""
    if missing := [package for program, package in WANTED.items() if not shutil.which(program)]:
        print(f"browsers: {' and '.join(missing)} not found on PATH; install them and run it again", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        settings = BotSettings.model_validate({"data": {"dir": folder}, "sample": {"max_tokens": 6}})
        async with Engine(parrot("hey lol ", forever=True), slots=4) as engine:
            await engine.ready()
            async with serve_http(FakeBot(settings=settings, engine=engine).state(), drain_seconds=0.5) as web:
                address, browser = f"http://127.0.0.1:{web.port}/", str(shutil.which("firefox-esr"))
                ran = await asyncio.create_subprocess_exec("node", str(JOURNEYS), address, browser)
                return await ran.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
