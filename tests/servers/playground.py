"""What a member of a room can type, and what the room shows for it. One room a platform; knows nothing of dann's insides."""

import asyncio
import shlex
from collections.abc import Sequence
from typing import Any, Protocol

from tests.servers import discord, telegram
from tests.servers.discord.objects import Flag

HELP = """\
hello                say something in the room; dann reads along
@dann hello          mention it              re: hello    reply to what it said last
dm: hello            a private message       ?            this help; Ctrl-D leaves
/dann temp=0.8 seed=7 prompt="hello"         /dann-admin status (you are an owner)
tg: ...              any of these on Telegram, such as tg: @dann hello or tg: /dann temp=9 hello"""
SECONDS = 15.0
"""How long an answer is waited for."""
QUIET_SECONDS = 1.0
"""And where none is due."""


class Room(Protocol):
    """One platform, seen by one member: you."""

    token: str
    owner: str

    def is_connected(self) -> bool:
        """Whether dann is there."""

    async def do(self, line: str) -> list[str]:
        """Do what the member typed; returns what is shown for it. Raises ValueError for what their app refuses."""


class DiscordRoom:
    """#general of a server, and the private channel."""

    def __init__(self, world: discord.World) -> None:
        self._world = world
        self._me = world.user("you")
        self._guild = world.guild("home", self._me)
        self._guild.members[self._me.id].administrator = True
        self._room, self._private = world.channel(self._guild, "general"), world.dm(self._me)
        self.token, self.owner = world.token, str(self._me.id)

    def is_connected(self) -> bool:
        """Room: its commands are there, which come last."""
        return bool(self._world.listeners) and bool(self._world.commands.listed())

    async def do(self, line: str) -> list[str]:
        """Room."""
        if line == "?":
            return HELP.splitlines()
        if line.startswith("/"):
            return await self._command(line[1:])
        channel = self._private if line.startswith("dm:") else self._room
        last = self._world.of_bot(channel)[-1:]
        replied = last[0] if line.startswith("re:") and last else None
        words = line.removeprefix("dm:").removeprefix("re:").strip()
        meant = channel is self._private or replied is not None or "@dann" in words
        before = len(self._world.of_bot(channel))
        self._world.say(self._me, channel, words.replace("@dann", f"<@{self._world.bot.id}>"), reply_to=replied)
        try:
            await self._world.until(
                lambda: len(self._world.of_bot(channel)) > before, SECONDS if meant else QUIET_SECONDS
            )
        except TimeoutError:
            return ["(no answer)"]
        return [f"dann  {one.content}" for one in self._world.of_bot(channel)[before:]]

    async def _command(self, line: str) -> list[str]:
        name, *words = shlex.split(line)
        if words and "=" not in words[0] and name.endswith("-admin"):
            name = f"{name} {words.pop(0)}"
        pairs = (word.partition("=") if "=" in word else ("prompt", "=", word) for word in words)
        options: dict[str, Any] = {key: _typed(value) for key, _, value in pairs}
        used = self._world.use_command(self._me, self._room, name, **options)
        try:
            await self._world.until(lambda: bool(used.shown), SECONDS)
        except TimeoutError:
            return ["(The application did not respond)"]
        return [f"dann  {one.content}{_seen_by(one.flags)}" for one in used.shown]


class TelegramRoom:
    """A group, and the private chat."""

    def __init__(self, world: telegram.World) -> None:
        self._world = world
        self._bot = world.bot("dann_bot")
        self._me, self._room = world.user("you"), world.group("home")
        self._private = world.private(self._me, self._bot)
        self.token, self.owner = self._bot.token, str(self._me.id)

    def is_connected(self) -> bool:
        """Room."""
        return bool(self._bot.used.get("getupdates"))

    async def do(self, line: str) -> list[str]:
        """Room."""
        chat = self._private if line.startswith("dm:") else self._room
        mine = [one for one in self._world.sent if one.chat is chat]
        replied = mine[-1] if line.startswith("re:") and mine else None
        words = line.removeprefix("dm:").removeprefix("re:").strip()
        meant = chat is self._private or replied is not None or "@dann" in words or words.startswith("/")
        before = len(self._world.sent)
        self._world.say(self._me, chat, words.replace("@dann", "@dann_bot"), reply_to=replied)
        try:
            await self._world.until(lambda: len(self._world.sent) > before, SECONDS if meant else QUIET_SECONDS)
        except TimeoutError:
            return ["(no answer)"]
        await asyncio.sleep(0)
        return [f"dann  {one.text}" for one in self._world.sent[before:]]


def _typed(value: str) -> object:
    """A value as the app's form would hand it over."""
    kinds: Sequence[type[int] | type[float]] = (int, float)
    for kind in kinds:
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _seen_by(flags: Flag) -> str:
    return "   (only you can see this)" if flags & Flag.EPHEMERAL else ""
