"""`dann serve` as it is started: a process of its own, real clients, the servers on loopback."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from model.architectures import build
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from tests.servers.discord import DiscordServer
from tests.servers.discord.faults import Fault
from tests.servers.telegram import TelegramServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]
ROOT = Path(__file__).parents[2]
STOP_SECONDS = 30.0
"""The issue's five are for an idle machine: a program that is being compiled is waited for, which a busy one draws out."""
TEXTS = ["hello there", "what are you up to", "lol no", "i am fine thanks"]


def save(folder: Path, id_: str, seed: int = 0) -> Path:
    """A checkpoint whose network has learned nothing: what it says is noise, and the same noise for the same seed."""
    tokenizer = Tokenizer.train(TEXTS, 300)
    model = build(ModelConfig(vocab_size=tokenizer.vocab_size, embed_dim=8, hidden_dim=16), seed)
    meta = Meta(
        created="2024-01-01T00:00:00+00:00", step=1, seconds=1, val_bpb=3.0, posts=0, newest_post=None, seed=0,
        code_version="0", settings={},
    )  # fmt: skip
    checkpoint.save(folder / "checkpoints", id_, model, tokenizer, meta)
    return folder / "checkpoints" / id_


def publish(folder: Path, id_: str = "one", seed: int = 0) -> None:
    """The same, and it serves."""
    save(folder, id_, seed)
    checkpoint.publish(folder / "checkpoints", id_)


@dataclass
class Dann:
    """The process, and the lines it has said so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def says(self, pattern: str, seconds: float = 60.0) -> str:
        """Wait for a line in which `pattern` is found."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line
                await asyncio.sleep(0.02)

    def serves(self) -> str:
        """The checkpoint that serves, by what it has said last; "" before the first."""
        said = (re.match(r"dann: checkpoint ([^ ,]+)", line) for line in reversed(self.lines))
        return next((found[1] for found in said if found), "")

    async def ends(self, seconds: float) -> int:
        return await asyncio.wait_for(self.process.wait(), seconds)


MAIN = (
    "from tests.model.one_width import set_one_width; set_one_width()\n"
    "from bot.cli import main; raise SystemExit(main())"
)
"""One batch size is enough here as well (tests/bot/conftest.py): each start would trace the programs of all."""


@asynccontextmanager
async def serving(folder: Path, *sets: str, code: str = MAIN, **tokens: str) -> AsyncIterator[Dann]:
    """`dann serve` in `folder`, its lines read as they come; killed at the end if it is still there.

    No HTTP, and one slot, unless set: more have more programs, which each start would compile. Retraining gives way to none:
    it would wait for as long as other work takes all cores.
    """
    unless_set = ("bot.web.port=0", "bot.slots=1", "bot.schedule.niceness=0")
    own = {key: value for key, value in os.environ.items() if not key.endswith("_TOKEN")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code,
        f"--set=data.dir={folder}", *(f"--set={one}" for one in (*unless_set, *sets)), "serve",
        env={**own, **tokens, "PYTHONPATH": str(ROOT)}, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    dann = Dann(process)

    async def read() -> None:
        assert process.stdout is not None
        while raw := await process.stdout.readline():
            dann.lines.append(raw.decode().rstrip())

    reading = asyncio.create_task(read())
    try:
        yield dann
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading


def test_without_tokens_it_says_how_to_get_them_and_ends_when_asked(tmp_path: Path) -> None:
    """Exits 0 on SIGTERM within 5 seconds, having said what it serves; whatever ended it, the next start serves."""

    async def scenario() -> None:
        publish(tmp_path)
        async with serving(tmp_path) as dann:
            await dann.says(r"^dann: checkpoint one, 3\.000 bits per byte")
            assert "Reset Token" in await dann.says("no DISCORD_TOKEN")
            assert "@BotFather" in await dann.says("no TELEGRAM_TOKEN")
            await dann.says("`dann chat`")
            assert (tmp_path / "serving").exists()
            dann.process.send_signal(signal.SIGTERM)
            assert await dann.ends(STOP_SECONDS) == 0
        assert not (tmp_path / "serving").exists()
        for _ in range(2):  # after SIGTERM, and after SIGKILL
            async with serving(tmp_path) as dann:
                await dann.says("^dann: checkpoint one")
                dann.process.send_signal(signal.SIGKILL)
                await dann.ends(STOP_SECONDS)

    asyncio.run(scenario())


def test_it_waits_for_a_first_checkpoint(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as dann:
            await dann.says("no checkpoint yet.*dann train")
            publish(tmp_path)
            await dann.says("^dann: checkpoint one")
            dann.process.send_signal(signal.SIGINT)
            assert await dann.ends(STOP_SECONDS) == 0

    asyncio.run(scenario())


def test_it_ends_while_it_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as dann:
            await dann.says("no checkpoint yet")
            dann.process.send_signal(signal.SIGTERM)
            assert await dann.ends(STOP_SECONDS) == 0

    asyncio.run(scenario())


def test_a_damaged_checkpoint_is_one_line_where_none_served_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        publish(tmp_path)
        weights = tmp_path / "checkpoints" / "one" / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        async with serving(tmp_path) as dann:
            await dann.says("weights.safetensors is not what was written")
            assert await dann.ends(10.0) == 1
        assert len(dann.lines) == 1

    asyncio.run(scenario())


def test_both_platforms_are_answered_from_one_engine(tmp_path: Path) -> None:
    """`/dann` with one seed says the same on both, and twice the same; SIGTERM leaves both in good order."""

    async def scenario() -> None:
        publish(tmp_path)
        async with DiscordServer() as discord, TelegramServer() as telegram:
            ann, alice = discord.simulation.user("ann"), telegram.simulation.user("alice")
            room = discord.simulation.channel(discord.simulation.guild("home", ann), "general")
            bot, tavern = telegram.simulation.bot("dann_bot"), telegram.simulation.group("tavern")
            addresses = (
                f"bot.discord.api_url={discord.api_url}", f"bot.discord.gateway_url={discord.gateway_url}",
                f"bot.telegram.base_url={telegram.base_url}", "sample.max_tokens=12", "bot.cooldown_seconds=0",
            )  # fmt: skip
            tokens = {"DISCORD_TOKEN": discord.simulation.token, "TELEGRAM_TOKEN": bot.token}
            async with serving(tmp_path, *addresses, **tokens) as dann:
                await dann.says("^Discord: dann.* in 1 server$")
                await dann.says("^Telegram: @dann_bot")
                asked = discord.simulation.say(ann, room, f"<@{discord.simulation.bot.id}> hello")
                assert (await discord.simulation.first_reply(asked)).content
                await discord.simulation.until(lambda: bool(discord.simulation.commands.listed()))
                same = [
                    discord.simulation.use_command(ann, room, "dann", prompt="hi", seed=7, temp=0.8) for _ in range(2)
                ]
                texts = [(await discord.simulation.first_reply(one)).content for one in same]
                telegram.simulation.say(alice, tavern, "/dann temp=0,8 seed=7 hi")
                (answer,) = await telegram.simulation.until(lambda: telegram.simulation.sent)
                assert texts[0] == texts[1]
                assert texts[0].split("\n")[0] == answer.text.split("\n")[0]
                telegram.simulation.say(alice, tavern, "/dann temp=9 hi")
                refusal = (await telegram.simulation.until(lambda: telegram.simulation.sent[1:]))[0]
                assert refusal.text == "temp takes a number from 0 to 2, such as temp=0.8"
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(15.0) == 0
            told = "\n".join(dann.lines)
            assert discord.simulation.token not in told
            assert bot.token.partition(":")[2] not in told
            assert "hello" not in told
            assert "Traceback" not in told
            assert "voice" not in told  # discord.py would warn that it has none

    asyncio.run(scenario())


def test_a_refused_token_stops_its_platform_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        publish(tmp_path)
        async with DiscordServer() as discord, TelegramServer() as telegram:
            bot = telegram.simulation.bot("dann_bot")
            addresses = (
                f"bot.discord.api_url={discord.api_url}",
                f"bot.discord.gateway_url={discord.gateway_url}",
                f"bot.telegram.base_url={telegram.base_url}",
            )
            async with serving(tmp_path, *addresses, DISCORD_TOKEN="no.such.token", TELEGRAM_TOKEN=bot.token) as dann:
                await dann.says("Discord refuses DISCORD_TOKEN")
                await dann.says("^Telegram: @dann_bot")
                assert dann.process.returncode is None
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(15.0) == 0
            async with serving(tmp_path, *addresses, DISCORD_TOKEN="no.such.token") as dann:
                assert await dann.ends(60.0) == 1  # nobody is left to answer

    asyncio.run(scenario())


def test_sigterm_takes_no_more_mentions_and_finishes_what_is_under_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        publish(tmp_path)
        async with DiscordServer() as discord:
            ann = discord.simulation.user("ann")
            room = discord.simulation.channel(discord.simulation.guild("home", ann), "general")
            at = f"<@{discord.simulation.bot.id}>"
            addresses = (f"bot.discord.api_url={discord.api_url}", f"bot.discord.gateway_url={discord.gateway_url}")
            sending = discord.faults.order(Fault("POST", "/messages", hangs=True))
            async with serving(tmp_path, *addresses, DISCORD_TOKEN=discord.simulation.token) as dann:
                await dann.says("^Discord: dann.* in 1 server$")
                asked = discord.simulation.say(ann, room, f"{at} hello")
                await discord.simulation.until(lambda: sending.seen == 1)
                dann.process.send_signal(signal.SIGTERM)
                await dann.says("^stopping: what is under way is finished first$")
                late = discord.simulation.say(ann, room, f"{at} one more thing")
                sending.released.set()
                assert await dann.ends(15.0) == 0
            assert len(discord.simulation.replies_to(asked)) == 1
            assert discord.simulation.replies_to(late) == []
            assert discord.gateway.sessions == {}  # it said goodbye

    asyncio.run(scenario())
