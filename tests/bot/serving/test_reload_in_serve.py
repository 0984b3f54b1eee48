"""`dann serve` takes over what is published, on the loopback Discord, while people go on mentioning it.

No mention is lost and none is answered twice, whatever CURRENT comes to name; the footer says which checkpoint spoke.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from model.checkpoints import checkpoint
from tests.bot.test_app import MAIN, ROOT, Dann, publish, serving
from tests.servers.discord import DiscordServer
from tests.servers.discord.objects import Channel, Message, User

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

PEOPLE = 10
BETWEEN, SELDOM = 0.25, 1.0
"""Seconds between two mentions; and where many seconds pass, and what is tested takes no notice of a mention on its way."""


@dataclass
class Room:
    """A room full of people who keep talking to dann. `asked` are their mentions."""

    server: DiscordServer
    dann: Dann
    room: Channel
    people: list[User]
    between: float = BETWEEN
    asked: list[Message] = field(default_factory=list)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nobody is to say anything more."""

    def mention(self) -> None:
        """Mention dann, the one who did longest ago."""
        person = self.people[len(self.asked) % len(self.people)]
        self.asked.append(
            self.server.simulation.say(person, self.room, f"<@{self.server.simulation.bot.id}> hello there")
        )

    async def talk(self) -> None:
        """Mention dann, one person after the other, until it is to be quiet."""
        while not self.quiet.is_set():
            self.mention()
            await asyncio.sleep(self.between)

    async def drawn(self) -> tuple[str, str]:
        """What `/dann` with a seed says now, and the checkpoint in its footer."""
        used = self.server.simulation.use_command(self.people[0], self.room, "dann", prompt="hi", seed=7)
        text, _, footer = (await self.server.simulation.first_reply(used)).content.rpartition("\n")
        return text, footer.rpartition("checkpoint ")[2]

    async def comes(self, id_: str) -> str:
        """Wait until dann says that this checkpoint serves, and ask until it draws; returns what it says.

        To ask meanwhile would take a core from the programs that are compiled for it.
        """
        async with asyncio.timeout(60):
            while self.dann.serves() != id_:
                await asyncio.sleep(0.02)
            while True:
                text, drew = await self.drawn()
                if drew == id_:
                    return text

    async def status(self) -> str:
        used = self.server.simulation.use_command(
            self.people[0], self.server.simulation.dm(self.people[0]), "dann-admin status"
        )
        return (await self.server.simulation.first_reply(used)).content

    async def all_answered_once(self) -> None:
        simulation = self.server.simulation
        async with asyncio.timeout(60):
            await asyncio.gather(*(simulation.first_reply(one) for one in self.asked))
        assert [len(simulation.replies_to(one)) for one in self.asked] == [1] * len(self.asked)


@dataclass
class House:
    """A Discord with one room and people in it, the first of whom owns dann."""

    server: DiscordServer
    room: Channel
    people: list[User]

    @asynccontextmanager
    async def answered(self, folder: Path, *sets: str, code: str = MAIN) -> AsyncIterator[Room]:
        """dann serves and people talk; they go on until the block ends, or dann does."""
        own = (
            f"bot.discord.api_url={self.server.api_url}", f"bot.discord.gateway_url={self.server.gateway_url}",
            f"bot.discord.owners={self.people[0].id}", "sample.max_tokens=20", "bot.cooldown_seconds=0", "bot.slots=4",
        )  # fmt: skip
        async with serving(folder, *own, *sets, code=code, DISCORD_TOKEN=self.server.simulation.token) as dann:
            await dann.says("^Discord: dann.* in 1 server$")
            await self.server.simulation.until(lambda: bool(self.server.simulation.commands.listed()))
            there = Room(self.server, dann, self.room, self.people)
            talking = asyncio.create_task(there.talk())
            try:
                yield there
            finally:
                talking.cancel()


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    """Nobody is told to wait there, and nobody breaks a limit."""
    async with DiscordServer() as server:
        server.limits.of_route.clear()
        server.limits.in_all.requests = 10_000
        people = [server.simulation.user(f"person {number}") for number in range(PEOPLE)]
        yield House(server, server.simulation.channel(server.simulation.guild("home", *people), "general"), people)
        assert server.limits.broken == 0


@asynccontextmanager
async def room(folder: Path, *sets: str, code: str = MAIN) -> AsyncIterator[Room]:
    """dann serves "one" and people talk; at the end all of them have been answered, once each."""
    publish(folder, "one")
    async with house() as there_is, there_is.answered(folder, *sets, code=code) as there:
        yield there
        there.quiet.set()
        await there.all_answered_once()
        there.dann.process.send_signal(signal.SIGTERM)
        assert await there.dann.ends(60.0) == 0
    assert "Traceback" not in "\n".join(there.dann.lines)


async def shell(folder: Path, *words: str) -> str:
    """A `dann` command in another shell; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "training", f"--set=data.dir={folder}", *words,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


def test_what_is_published_is_heard_and_so_is_a_rollback(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with room(tmp_path) as there:
            first = await there.comes("one")
            await asyncio.to_thread(publish, tmp_path, "two", 1)
            second = await there.comes("two")
            assert second != first
            assert await shell(tmp_path, "rollback") == "one serves now, instead of two\n"
            assert await there.comes("one") == first
            assert await shell(tmp_path, "rollback", "two") == "two serves now, instead of one\n"
            assert await there.comes("two") == second
        told = [line for line in there.dann.lines if "serves now" in line]
        assert told == [
            "dann: checkpoint two serves now, instead of one",
            "dann: checkpoint one serves now, instead of two",
            "dann: checkpoint two serves now, instead of one",
        ]

    asyncio.run(scenario())


def test_what_cannot_be_used_is_not_heard_and_said_once(tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"

    async def scenario() -> None:
        async with room(tmp_path) as there:
            first = await there.comes("one")
            await asyncio.to_thread(publish, tmp_path, "two", 1)
            second = await there.comes("two")
            weights = root / "one" / "weights.safetensors"
            whole = weights.read_bytes()
            weights.write_bytes(whole[:-100])
            (root / "CURRENT").write_text("one\n")
            await there.dann.says("two goes on answering: .*checkpoint one is damaged")
            assert "not taken over" in await there.status()
            for content in ("three\n", ""):
                (root / "CURRENT").write_text(content)
                await there.dann.says("no such checkpoint" if content else "names no checkpoint")
                assert await there.drawn() == (second, "two")
            (root / "CURRENT").write_text("one\n")
            weights.write_bytes(whole)
            assert await there.comes("one") == first
            assert "not taken over" not in await there.status()
        assert (
            sum("goes on answering" in line for line in there.dann.lines) <= 4
        )  # again where a write was seen half done

    asyncio.run(scenario())


def test_whoever_publishes_may_be_killed(tmp_path: Path) -> None:
    """A shell that saves and publishes without end is killed; what answers is whole, and is what CURRENT names."""
    script = (
        "import sys; from pathlib import Path; from tests.bot.test_app import publish\n"
        "for number in range(10**6): publish(Path(sys.argv[1]), f'n{number:06}', number); print(number, flush=True)"
    )

    async def scenario() -> None:
        async with room(tmp_path) as there:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", script, str(tmp_path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout
            for _ in range(6):
                await process.stdout.readline()
            process.kill()
            await process.wait()
            current = checkpoint.current(tmp_path / "checkpoints")
            assert current
            assert await there.comes(current)
        assert not [line for line in there.dann.lines if "goes on answering" in line]

    asyncio.run(scenario())
