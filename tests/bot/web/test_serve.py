"""`dann serve` as a process of its own: what it prints, serves, and that it stops in time."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.bot.test_app import publish, serving
from tests.bot.web.page.test_events import Listener
from tests.bot.web.web_harness import Samples, free_port, samples, value
from tests.servers.discord import DiscordServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


@asynccontextmanager
async def asking(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        yield client


async def counted(client: httpx.AsyncClient) -> Samples:
    return samples((await client.get("/metrics")).text)


def test_counters_move_when_a_mention_is_answered(tmp_path: Path) -> None:
    async def play() -> None:
        publish(tmp_path)
        port = free_port()
        async with DiscordServer() as discord:
            ann = discord.simulation.user("ann")
            room = discord.simulation.channel(discord.simulation.guild("home", ann), "general")
            sets = (
                f"bot.web.port={port}", f"bot.discord.api_url={discord.api_url}",
                f"bot.discord.gateway_url={discord.gateway_url}", "sample.max_tokens=12", "bot.cooldown_seconds=0",
            )  # fmt: skip
            async with serving(tmp_path, *sets, DISCORD_TOKEN=discord.simulation.token) as dann, asking(port) as client:
                await dann.says(rf"^web: http://127\.0\.0\.1:{port}/ is the page")
                await dann.says("^Discord: dann.* in 1 server$")
                assert (await client.get("/readyz")).json() == {"ready": True}
                before = await counted(client)
                assert not [name for name, _ in before if name == "dann_replies_total"]
                assert value(before, "dann_checkpoint_val_bpb") == 3.0
                assert value(before, "dann_posts", kind="mine") == 0
                for number in (1, 2):
                    asked = discord.simulation.say(ann, room, f"<@{discord.simulation.bot.id}> hello")
                    await discord.simulation.first_reply(asked)
                    found = await counted(client)
                    assert value(found, "dann_replies_total", platform="discord", outcome="answered") == number
                    assert value(found, "dann_reply_latency_seconds_count", platform="discord") == number
                assert value(found, "dann_tokens_drawn_total") > value(before, "dann_tokens_drawn_total") == 0
                assert value(found, "dann_reply_latency_seconds_sum", platform="discord") > 0
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(15.0) == 0
            assert "Traceback" not in "\n".join(dann.lines)

    asyncio.run(play())


def test_before_a_checkpoint_it_is_alive_and_with_one_it_gets_ready(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with serving(tmp_path, f"bot.web.port={port}") as dann, asking(port) as client:
            await dann.says("^web: ")
            await dann.says("no checkpoint yet")
            assert (await client.get("/healthz")).status_code == 200
            waiting = await client.get("/readyz")
            assert (waiting.status_code, waiting.json()["reason"]) == (503, "no checkpoint is loaded yet")
            publish(tmp_path)
            await dann.says("^dann: checkpoint one")
            assert (await client.get("/readyz")).status_code == 200

    asyncio.run(play())


def test_open_connections_do_not_keep_it_from_stopping(tmp_path: Path) -> None:
    """An idle connection, and one that has sent half a request."""

    async def play() -> None:
        port = free_port()
        async with serving(tmp_path, f"bot.web.port={port}") as dann, asking(port) as client:
            await dann.says("no checkpoint yet")
            await client.get("/healthz")
            _, half = await asyncio.open_connection("127.0.0.1", port)
            half.write(b"GET /healthz HTTP/1.1\r\nHos")
            await half.drain()
            dann.process.send_signal(signal.SIGTERM)
            assert await dann.ends(15.0) == 0
            half.close()
        assert len(dann.lines) == 2

    asyncio.run(play())


def test_who_listens_to_events_hears_of_a_reload_and_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    async def play() -> None:
        publish(tmp_path)
        port = free_port()
        sets = (f"bot.web.port={port}", "bot.drain_seconds=60")
        async with serving(tmp_path, *sets) as dann, asking(port) as client:
            await dann.says("^dann: checkpoint one")
            async with client.stream("GET", "/api/events") as answer:
                events = Listener(answer)
                await asyncio.to_thread(publish, tmp_path, "two", 1)
                assert await events.next() == {"type": "checkpoint", "id": "two"}
                dann.process.send_signal(signal.SIGTERM)
                assert await events.next() is None
                assert await dann.ends(30.0) == 0

    asyncio.run(play())


def test_a_taken_port_is_one_line_and_the_rest_serves(tmp_path: Path) -> None:
    async def play() -> None:
        publish(tmp_path)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            async with serving(tmp_path, f"bot.web.port={port}") as dann:
                await dann.says(
                    rf"^web: 127\.0\.0\.1:{port} is taken by another program; choose another bot\.web\.port"
                )
                await dann.says("^dann: checkpoint one")
                assert dann.process.returncode is None
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(15.0) == 0
        assert len([line for line in dann.lines if line.startswith("web")]) == 1

    asyncio.run(play())


def test_reloads_are_counted_by_what_came_of_them(tmp_path: Path) -> None:
    async def play() -> None:
        publish(tmp_path)
        port = free_port()
        async with serving(tmp_path, f"bot.web.port={port}") as dann, asking(port) as client:
            await dann.says("^dann: checkpoint one")
            found = await counted(client)
            assert value(found, "dann_reloads_total", outcome="done") == 0
            await asyncio.to_thread(publish, tmp_path, "two", 1)
            await dann.says("two serves now")
            (tmp_path / "checkpoints" / "CURRENT").write_text("three\n")
            await dann.says("two goes on answering: .*no such checkpoint")
            found = await counted(client)
            assert value(found, "dann_reloads_total", outcome="done") == 1
            assert value(found, "dann_reloads_total", outcome="failed") == 1
            dann.process.send_signal(signal.SIGTERM)
            assert await dann.ends(15.0) == 0

    asyncio.run(play())
