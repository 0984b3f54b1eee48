"""`make playground`: simulated Discord and Telegram, with `dann serve` and you as members.

Type what a member would; `playground.py` explains the input. Run it in the project's folder: dann runs in its own process,
with the checkpoint that serves there.
"""

import asyncio
import os
import sys
from contextlib import AsyncExitStack

from tests.servers.discord import DiscordServer
from tests.servers.playground import HELP, DiscordRoom, Room, TelegramRoom
from tests.servers.telegram import TelegramServer

READY_SECONDS = 120.0
STOP_SECONDS = 10.0


async def main() -> int:
    """Run until the input ends; return dann's exit code."""
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordServer())
        telegram = await stack.enter_async_context(TelegramServer())
        rooms: dict[str, Room] = {"": DiscordRoom(discord.simulation), "tg": TelegramRoom(telegram.simulation)}
        dann = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from bot.cli import main; raise SystemExit(main())"),
            *(f"--set=bot.discord.api_url={discord.api_url}", f"--set=bot.discord.gateway_url={discord.gateway_url}"),
            *(f"--set=bot.discord.owners={rooms[''].owner}", f"--set=bot.telegram.owners={rooms['tg'].owner}"),
            *(f"--set=bot.telegram.base_url={telegram.base_url}", "serve"),
            env={**os.environ, "DISCORD_TOKEN": rooms[""].token, "TELEGRAM_TOKEN": rooms["tg"].token},
        )
        try:
            await asyncio.wait_for(_connected(dann, list(rooms.values())), READY_SECONDS)
            print(HELP, flush=True)
            await _converse(rooms, dann)
        finally:
            if dann.returncode is None:
                dann.terminate()
        return await asyncio.wait_for(dann.wait(), STOP_SECONDS)


async def _connected(dann: asyncio.subprocess.Process, rooms: list[Room]) -> None:
    while not all(room.is_connected() for room in rooms):
        if dann.returncode is not None:
            sys.exit(dann.returncode)
        await asyncio.sleep(0.1)


async def _converse(rooms: dict[str, Room], dann: asyncio.subprocess.Process) -> None:
    while dann.returncode is None:
        sys.stdout.write("> " if sys.stdin.isatty() else "")
        sys.stdout.flush()
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        if not sys.stdin.isatty():
            print(f"> {line.strip()}")
        platform, colon, rest = line.strip().partition(":")
        room = rooms["tg"] if colon and platform == "tg" else rooms[""]
        try:
            for answer in await room.do(rest.strip() if room is rooms["tg"] else line.strip()):
                print(answer, flush=True)
        except ValueError as error:  # refused by the member's own app
            print(f"(your app: {error})", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(130)
