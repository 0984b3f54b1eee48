"""What a reload costs those who talk to dann: 20 reloads while 20 requests a second come in, on the loopback Discord.

Half of the requests are mentions, whose latency is measured; half are `/dann`, whose footers tell which checkpoint spoke. Two
checkpoints of random weights, 2 x 512 and V 1,024, take turns: one is published, then `dann rollback` in another process
brings the other back. A mention counts as one during a reload if it was made after CURRENT changed and before the first reply
from the new one, or within a second after that.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.architectures import build
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from tests.bench.chat.checkpoints import prose
from tests.bench.report import Report, table
from tests.bench.rounds.children import ROOT
from tests.bot.test_app import Dann, serving
from tests.servers.discord import DiscordServer
from tests.servers.discord.objects import Channel, Event, Interaction, Message, User

SHAPE = {"num_layers": 2, "hidden_dim": 512}
VOCABULARY = 1024
RATE = 20
RELOADS, IDLE_SECONDS, REST_SECONDS = 20, 30.0, 4.0
AFTER_SECONDS = 1.0
PEOPLE, ROOMS = 200, 20
FIRST, SECOND = "first", "second"


def run(quick: bool) -> Report:
    """Idle, then reloads: both ways in turn."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "checkpoints")
        figures = asyncio.run(measure(Path(folder), 4 if quick else RELOADS, 6.0 if quick else IDLE_SECONDS))
    return Report(text(figures), figures)


def save(root: Path) -> None:
    """Two checkpoints, of which the first serves."""
    tokenizer = Tokenizer.train(prose(), VOCABULARY)
    meta = Meta(
        created="2026-01-01T00:00:00+00:00", step=1, seconds=1, val_bpb=8.0, posts=0, newest_post=None, seed=0,
        code_version="0", settings={},
    )  # fmt: skip
    for seed, id_ in enumerate((FIRST, SECOND)):
        model = build(ModelConfig(vocab_size=tokenizer.vocab_size, **SHAPE), seed)
        checkpoint.save(root, id_, model, tokenizer, meta)
    checkpoint.publish(root, FIRST)


@dataclass
class Crowd:
    """People who talk to dann. `answered` has the time of each mention's answers, by its id."""

    server: DiscordServer
    dann: Dann
    rooms: list[Channel]
    people: list[User]
    mentions: list[tuple[float, Message]] = field(default_factory=list)
    commands: list[Interaction] = field(default_factory=list)
    answered: dict[str, list[float]] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Note when a mention is answered."""
        reference = event.payload.get("message_reference")
        if event.name == "MESSAGE_CREATE" and reference:
            self.answered.setdefault(reference["message_id"], []).append(time.perf_counter())

    async def talk(self) -> None:
        """Ask RATE times a second, until cancelled."""
        simulation, next_ = self.server.simulation, time.perf_counter()
        for number in range(10**9):
            person, room = self.people[number % PEOPLE], self.rooms[number % ROOMS]
            if number % 2:
                self.commands.append(simulation.use_command(person, room, "dann", prompt="hello there", seed=7))
            else:
                self.mentions.append(
                    (time.perf_counter(), simulation.say(person, room, f"<@{simulation.bot.id}> hello there"))
                )
            next_ += 1 / RATE
            await asyncio.sleep(max(0.0, next_ - time.perf_counter()))

    async def heard(self, id_: str) -> float:
        """When the first reply from this checkpoint came, of those that are asked for from now on."""
        asked = len(self.commands)
        async with asyncio.timeout(120):
            while True:
                shown = (one for command in self.commands[asked:] for one in command.shown)
                if any(message.content.endswith(f"checkpoint {id_}") for message in shown):
                    return time.perf_counter()
                await asyncio.sleep(0.002)

    def latencies(self, *spans: tuple[float, float]) -> list[float]:
        """Seconds from mention to answer, of those made in one of these spans of time."""
        return [
            times[0] - asked
            for asked, message in self.mentions
            if (times := self.answered.get(str(message.id))) and any(begin <= asked <= end for begin, end in spans)
        ]

    def faults(self) -> tuple[int, int]:
        """How many requests have no answer, and how many have more than one."""
        counts = [len(self.answered.get(str(message.id), [])) for _, message in self.mentions]
        counts += [len(command.shown) for command in self.commands]
        return counts.count(0), sum(count > 1 for count in counts)


async def measure(folder: Path, reloads: int, idle_seconds: float) -> dict[str, Any]:
    """Everything, on one running dann."""
    root = folder / "checkpoints"
    published: list[float] = []
    rolled_back: list[float] = []
    spans: list[tuple[float, float]] = []
    async with talking(folder) as crowd:
        await asyncio.sleep(2.0)
        begin = time.perf_counter()
        await asyncio.sleep(idle_seconds)
        idle = (begin, time.perf_counter())
        for number in range(reloads):
            begin = time.perf_counter()
            if number % 2:
                hearing = asyncio.create_task(crowd.heard(FIRST))
                await rollback(folder)
            else:
                await asyncio.to_thread(checkpoint.publish, root, SECOND)
                begin = time.perf_counter()
                hearing = asyncio.create_task(crowd.heard(SECOND))
            heard = await hearing
            (rolled_back if number % 2 else published).append(heard - begin)
            spans.append((begin, heard + AFTER_SECONDS))
            await asyncio.sleep(REST_SECONDS)
    failed, doubled = crowd.faults()
    at_rest, meanwhile = p95(crowd.latencies(idle)), p95(crowd.latencies(*spans))
    return {
        "requests": len(crowd.mentions) + len(crowd.commands), "reloads": reloads, "failed": failed, "doubled": doubled,
        "idle_p95": at_rest, "reload_p95": meanwhile, "ratio": meanwhile / at_rest,
        "published": published, "rolled_back": rolled_back,
    }  # fmt: skip


@asynccontextmanager
async def talking(folder: Path, *sets: str) -> AsyncIterator[Crowd]:
    """dann serves, people talk until the block ends, and what was asked may then still be answered. The first owns it."""
    async with DiscordServer() as server:
        server.limits.of_route.clear()
        server.limits.of_other_routes.requests = server.limits.in_all.requests = 100_000
        people = [server.simulation.user(f"person {number}") for number in range(PEOPLE)]
        guild = server.simulation.guild("home", *people)
        rooms = [server.simulation.channel(guild, f"room {number}") for number in range(ROOMS)]
        own = (
            f"bot.discord.api_url={server.api_url}", f"bot.discord.gateway_url={server.gateway_url}",
            f"bot.discord.owners={people[0].id}", "sample.max_tokens=20", "bot.cooldown_seconds=0", "bot.history_messages=0",
        )  # fmt: skip
        async with serving(folder, *own, *sets, DISCORD_TOKEN=server.simulation.token) as dann:
            await dann.says("^Discord: dann.* in 1 server$", 300.0)
            await server.simulation.until(lambda: bool(server.simulation.commands.listed()), 60.0)
            crowd = Crowd(server, dann, rooms, people)
            server.simulation.listeners.append(crowd.hear)
            talk = asyncio.create_task(crowd.talk())
            yield crowd
            talk.cancel()
            await asyncio.sleep(REST_SECONDS)


async def rollback(folder: Path) -> None:
    """`dann rollback`, as it is typed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "training", "-q", f"--set=data.dir={folder}", "rollback",
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if code := await process.wait():
        raise RuntimeError(f"dann rollback ended with {code}")


def p95(seconds: list[float]) -> float:
    """What 19 of 20 stay below."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def text(found: dict[str, Any]) -> str:
    """One table."""
    rows = [
        [
            f"failed, doubled; {found['requests']:,} in {found['reloads']} reloads", "0, 0", "0, 0",
            f"{found['failed']}, {found['doubled']}",
        ],
        ["p95 idle", "–", "–", f"{1e3 * found['idle_p95']:.0f} ms"],
        ["p95 during a reload, of that", "3", "1.2", f"{found['ratio']:.2f} ({1e3 * found['reload_p95']:.0f} ms)"],
        [
            "new CURRENT to first reply from it: median, longest", "10 s", "3 s",
            _median_and_longest(found["published"]),
        ],
        [
            "`dann rollback` to first reply from the old one: median, longest", "5 s", "1 s",
            _median_and_longest(found["rolled_back"]),
        ],
    ]  # fmt: skip
    return table([f"2 x 512, V 1,024, {RATE} requests a second", "must", "goal", "reached"], rows)


def _median_and_longest(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s, {max(seconds):.2f} s"
