"""A member's chat rooms for `make playground`, one per platform. Knows no dann internals."""

import asyncio
import shlex
from collections.abc import Sequence
from typing import Any, Protocol

from tests.servers import discord, telegram
from tests.servers.discord.objects import Flag

HELP = """\
hello                write in the room; dann reads it
@dann hello          mention dann            re: hello    reply to its last message
dm: hello            a private message       ?            this help; Ctrl-D quits
/dann temp=0.8 seed=7 prompt="hello"         /dann-admin status (you are an owner)
tg: ...              any of these on Telegram, such as tg: @dann hello or tg: /dann temp=9 hello"""
SECONDS = 15.0
"""How long to wait for a reply."""
QUIET_SECONDS = 1.0
"""How long to wait where no reply is expected."""


class Room(Protocol):
    """One platform as its one member sees it."""

    token: str
    owner: str

    def is_connected(self) -> bool:
        """Return whether dann is connected."""

    async def do(self, line: str) -> list[str]:
        """Carry out a typed line and return what is shown. Raises ValueError if the app refuses."""


class DiscordRoom:
    """#general of a guild, and a private channel."""

    def __init__(self, simulation: discord.SimulatedDiscord) -> None:
        self._world = simulation
        self._me = simulation.user("you")
        self._guild = simulation.guild("home", self._me)
        self._guild.members[self._me.id].administrator = True
        self._room, self._private = simulation.channel(self._guild, "general"), simulation.dm(self._me)
        self.token, self.owner = simulation.token, str(self._me.id)

    def is_connected(self) -> bool:
        """Return whether dann has registered its commands, its last step."""
        return bool(self._world.listeners) and bool(self._world.commands.listed())

    async def do(self, line: str) -> list[str]:
        """See Room."""
        if line == "?":
            return HELP.splitlines()
        if line.startswith("/"):
            return await self._command(line[1:])
        channel = self._private if line.startswith("dm:") else self._room
        last = self._world.bot_messages(channel)[-1:]
        replied = last[0] if line.startswith("re:") and last else None
        text = line.removeprefix("dm:").removeprefix("re:").strip()
        addressed = channel is self._private or replied is not None or "@dann" in text
        before = len(self._world.bot_messages(channel))
        self._world.say(self._me, channel, text.replace("@dann", f"<@{self._world.bot.id}>"), reply_to=replied)
        try:
            await self._world.until(
                lambda: len(self._world.bot_messages(channel)) > before, SECONDS if addressed else QUIET_SECONDS
            )
        except TimeoutError:
            return ["(no answer)"]
        return [f"dann  {message.content}" for message in self._world.bot_messages(channel)[before:]]

    async def _command(self, line: str) -> list[str]:
        name, *words = shlex.split(line)
        if words and "=" not in words[0] and name.endswith("-admin"):
            name = f"{name} {words.pop(0)}"
        pairs = (word.partition("=") if "=" in word else ("prompt", "=", word) for word in words)
        options: dict[str, Any] = {key: _typed(value) for key, _, value in pairs}
        interaction = self._world.use_command(self._me, self._room, name, **options)
        try:
            await self._world.until(lambda: bool(interaction.shown), SECONDS)
        except TimeoutError:
            return ["(The application did not respond)"]
        return [f"dann  {message.content}{_visibility(message.flags)}" for message in interaction.shown]


class TelegramRoom:
    """A group, and the private chat."""

    def __init__(self, simulation: telegram.SimulatedTelegram) -> None:
        self._world = simulation
        self._bot = simulation.bot("dann_bot")
        self._me, self._room = simulation.user("you"), simulation.group("home")
        self._private = simulation.private(self._me, self._bot)
        self.token, self.owner = self._bot.token, str(self._me.id)

    def is_connected(self) -> bool:
        """See Room."""
        return bool(self._bot.used.get("getupdates"))

    async def do(self, line: str) -> list[str]:
        """See Room."""
        chat = self._private if line.startswith("dm:") else self._room
        sent = [message for message in self._world.sent if message.chat is chat]
        replied = sent[-1] if line.startswith("re:") and sent else None
        text = line.removeprefix("dm:").removeprefix("re:").strip()
        addressed = chat is self._private or replied is not None or "@dann" in text or text.startswith("/")
        before = len(self._world.sent)
        self._world.say(self._me, chat, text.replace("@dann", "@dann_bot"), reply_to=replied)
        try:
            await self._world.until(lambda: len(self._world.sent) > before, SECONDS if addressed else QUIET_SECONDS)
        except TimeoutError:
            return ["(no answer)"]
        await asyncio.sleep(0)
        return [f"dann  {message.text}" for message in self._world.sent[before:]]


def _typed(value: str) -> object:
    """Convert a value to the type that the app's form would send."""
    kinds: Sequence[type[int] | type[float]] = (int, float)
    for kind in kinds:
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _visibility(flags: Flag) -> str:
    return "   (only you can see this)" if flags & Flag.EPHEMERAL else ""
