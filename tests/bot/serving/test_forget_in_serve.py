"""`dann forget --author --now` beside a running `dann serve`, on both loopback platforms while people go on talking.

From the moment that it says so, no answer comes from a checkpoint that learned the forgotten, and no file has their words.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.replies.phrases import NEUTRAL
from bot.replies.sanitize import sanitize
from model.checkpoints import checkpoint
from tests.bot.test_app import ROOT, Dann, serving
from tests.model.small_networks import META, snapshot
from tests.servers.discord import DiscordServer
from tests.servers.telegram import TelegramServer
from training.cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

CHAT = "".join(
    f'{{"id": "{n}", "channel": "shed", "author": {{"id": "{id_}", "name": "{name}"}}, "text": "{text}"}}\n'
    for n, (id_, name, text) in enumerate(
        [("1", "sam", "hi"), ("78", "Bo", "so i heard"), ("77", "Ann", "it is 555 0199")]
    )
)
THEIRS = b"555 0199"
SIDE_BY_SIDE = 3
"""Mentions on each platform that wait for an answer at once."""
SAYS_SO = "from now on nothing answers that learned from them"


def publish(folder: Path, id_: str, seed: int, highest_seq: int) -> None:
    held = snapshot(id_=id_, seed=seed)
    meta = META.model_copy(update={"highest_seq": highest_seq, "started_from": ""})
    checkpoint.save(folder / "checkpoints", id_, held.model, held.tokenizer, meta)
    checkpoint.publish(folder / "checkpoints", id_)


@dataclass
class Town:
    """People on both platforms, who keep talking to dann; what it said, in the order in which it came."""

    folder: Path
    dann: Dann
    discord: DiscordServer
    telegram: TelegramServer
    web: httpx.AsyncClient

    def __post_init__(self) -> None:
        simulation = self.discord.simulation
        self.ann = simulation.user("ann")
        self.room = simulation.channel(simulation.guild("home", self.ann), "general")
        self.alice = self.telegram.simulation.user("alice")
        self.home = self.telegram.simulation.private(self.alice)  # in a group it may say 20 a minute

    async def talk(self) -> None:
        """Mention dann on both, and again once all are answered."""
        while True:
            before = self.said()
            for _ in range(SIDE_BY_SIDE):
                self.discord.simulation.say(self.ann, self.room, f"<@{self.discord.simulation.bot.id}> hey lol")
                self.telegram.simulation.say(self.alice, self.home, "hey lol")
            await self.say_after(before, SIDE_BY_SIDE)

    def said(self) -> tuple[list[str], list[str]]:
        """What dann said on each platform so far."""
        return (
            [message.content for message in self.discord.simulation.bot_messages(self.room)],
            [message.text for message in self.telegram.simulation.sent],
        )

    async def say_after(self, before: tuple[list[str], list[str]], more: int = 3) -> set[str]:
        """What dann says from then on, once that is so much on each platform."""
        async with asyncio.timeout(300):
            while any(len(now) < len(then) + more for now, then in zip(self.said(), before, strict=True)):
                await asyncio.sleep(0.02)
        return {text for now, then in zip(self.said(), before, strict=True) for text in now[len(then) :]}

    async def forget(self, name: str) -> tuple[tuple[list[str], list[str]], dict[str, Any]]:
        """Forget somebody in another shell; return what dann had said when that said so, and its result."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "training", f"--set=data.dir={self.folder}", "forget", "--author", name, "--now",
            "--yes", "--json", env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        async for line in process.stderr:
            lines.append(line.decode())
            if SAYS_SO in lines[-1]:
                break
        else:
            raise AssertionError("".join(lines))
        before = self.said()
        _, out = await asyncio.gather(process.stderr.read(), process.stdout.read())
        assert await process.wait() == 0
        return before, json.loads(out)

    async def status(self, path: str) -> int:
        return (await self.web.get(path)).status_code

    async def ask(self, model: str) -> tuple[int, str]:
        """What the API says for a checkpoint, as far as a chat would show it."""
        body = {"model": model, "messages": [{"role": "user", "content": "hey lol"}], "max_tokens": 20}
        answer = await self.web.post("/v1/chat/completions", json=body)
        told = answer.json()
        text = told["choices"][0]["message"]["content"] if answer.status_code == 200 else ""
        return answer.status_code, sanitize(text, ["dann"])


@contextmanager
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    yield port


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    async with DiscordServer() as discord, TelegramServer() as telegram:
        discord.limits.of_route.clear()
        discord.limits.in_all.requests = 10_000
        bot = telegram.simulation.bot("dann_bot")
        with free_port() as port:
            sets = (
                f"bot.discord.api_url={discord.api_url}", f"bot.discord.gateway_url={discord.gateway_url}",
                f"bot.telegram.base_url={telegram.base_url}", f"bot.web.port={port}", "bot.web.burst=1000",
                "sample.max_tokens=20", "sample.temperature=0", "bot.cooldown_seconds=0", "bot.history_messages=0",
            )  # fmt: skip
            tokens = {"DISCORD_TOKEN": discord.simulation.token, "TELEGRAM_TOKEN": bot.token}
            async with (
                serving(folder, *sets, **tokens) as dann,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as web,
            ):
                there = Town(folder, dann, discord, telegram, web)
                await dann.says("^Discord: dann", 400)
                await dann.says("^Telegram: @dann_bot", 400)
                talking = asyncio.create_task(there.talk())
                try:
                    yield there
                finally:
                    talking.cancel()
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(60.0) == 0


def test_from_then_on_no_answer_comes_from_what_learned_it(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text(CHAT)
    assert main([f"--set=data.dir={tmp_path}", "import", str(tmp_path / "chat.jsonl"), "--me", "sam", "-q"]) == 0
    (tmp_path / "chat.jsonl").unlink()
    publish(tmp_path, "clean", 1, highest_seq=2)
    publish(tmp_path, "learned", 2, highest_seq=3)

    async def scenario() -> None:
        async with town(tmp_path) as there:
            (learned,) = await there.say_after(([], []))
            assert (await there.ask("learned"))[1] == learned
            before, told = await there.forget("Ann")
            assert (told["withdrawn"], told["serves"], told["servers"]) == (["learned"], "clean", 1)
            heard = await there.say_after(before, 5)
            assert learned not in heard
            heard = await there.say_after(there.said())
            assert len(heard - {NEUTRAL}) == 1, heard
            clean = (heard - {NEUTRAL}).pop()
            assert (await there.ask("learned"))[0] == 404
            assert (await there.ask("clean"))[1] == clean
            files = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert any(path.name == "posts.db-wal" for path in files), "dann has the store open"
            assert not any(THEIRS in path.read_bytes() for path in files)
            assert not any("555" in line for line in there.dann.lines)

            before, told = await there.forget("78")
            assert (told["withdrawn"], told["serves"]) == (["clean"], None)
            assert clean not in await there.say_after(before)
            assert await there.say_after(there.said()) == {NEUTRAL}
            assert (await there.status("/readyz"), (await there.ask("dann"))[0], (await there.ask("clean"))[0]) == (
                503,
            ) * 3
            await asyncio.to_thread(publish, tmp_path, "new", 3, 1)
            await there.dann.says("checkpoint new serves now, instead of none")
            heard = await there.say_after(there.said())
            assert len(heard - {NEUTRAL}) == 1
            assert heard.isdisjoint({learned, clean})
        assert "Traceback" not in "\n".join(there.dann.lines)

    asyncio.run(scenario())
