"""A Discord and a Telegram that note when an answer arrives and limit nobody, and who talks to dann there.

They run in the bench's process and dann in another, so that dann's figures are its own. What the platforms' own limits would
add is not dann's to mend: there are none here but those that dann's clients keep by themselves.
"""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from tests.servers import discord, telegram
from tests.servers.discord.objects import Message
from tests.servers.discord.rest.rate_limits import Limit
from tests.servers.telegram.limits import Limits
from tests.servers.telegram.objects import Bot, Chat, Json
from tests.servers.telegram.objects import Message as TelegramMessage

ROOMS = 16
"""Channels of the Discord: in each, what was said before is read again."""
PEOPLE = 64
WORDS = (
    "hey",
    "how is the training going?",
    "what are you up to tonight",
    "did you fix the bug",
    "lol",
    "any music recs?",
)
PLENTY = Limit(1_000_000, 1.0)

Key = tuple[int, int]
"""A message: where it is, and its number there."""


class Crowd(Protocol):
    """People of one platform. `arrived` is when each answer came, by the message that it answers."""

    arrived: dict[Key, list[float]]

    def is_connected(self) -> bool:
        """Whether dann listens."""

    def mention(self, number: int) -> Key:
        """Person `number` of PEOPLE, round and round, says something to dann."""


class RecordingDiscord(discord.SimulatedDiscord):
    """A simulated Discord that records when dann's messages arrive, and drops old messages."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: dict[Key, list[float]] = defaultdict(list)

    def post(self, message: Message) -> Message:
        """Record the time, and post as usual."""
        if message.author is self.bot:
            self.arrived[message.channel.id, message.reference or 0].append(time.perf_counter())
        for old in list(message.channel.messages)[: -4 * PEOPLE]:
            del message.channel.messages[old]
        return super().post(message)


class DiscordCrowd:
    """People in the rooms of one guild."""

    def __init__(self) -> None:
        self.simulation = RecordingDiscord()
        self.arrived = self.simulation.arrived
        self._people = [self.simulation.user(f"person{number}") for number in range(PEOPLE)]
        guild = self.simulation.guild("home", *self._people)
        self._rooms = [self.simulation.channel(guild, f"room{number}") for number in range(ROOMS)]
        self.server = discord.DiscordServer(self.simulation)
        self.server.limits.of_route = {}
        self.server.limits.of_other_routes = self.server.limits.in_all = PLENTY
        self.server.gateway.identify_seconds = 0.0

    def is_connected(self) -> bool:
        """Crowd."""
        return self.server.gateway.connected > 0

    def mention(self, number: int) -> Key:
        """Crowd."""
        room, text = self._rooms[number % ROOMS], WORDS[number % len(WORDS)]
        said = self.simulation.say(self._people[number % PEOPLE], room, f"<@{self.simulation.bot.id}> {text}")
        return room.id, said.id


class RecordingTelegram(telegram.SimulatedTelegram):
    """A simulated Telegram that records when dann's messages arrive, and drops old messages."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: dict[Key, list[float]] = defaultdict(list)

    def sent_by(self, bot: Bot, chat: Chat, text: str, entities: Sequence[Json], request: Json) -> TelegramMessage:
        """Record the time, and post as usual."""
        answered: Json = json.loads(request.get("reply_parameters", "{}"))
        self.arrived[chat.id, answered.get("message_id", 0)].append(time.perf_counter())
        for old in list(chat.messages)[: -4 * PEOPLE]:
            del chat.messages[old]
        self.sent.clear()
        return super().sent_by(bot, chat, text, entities, request)


class TelegramCrowd:
    """People in a private chat each: in a group Telegram takes 20 messages a minute, and dann's client sends no more."""

    def __init__(self) -> None:
        self.simulation = RecordingTelegram()
        self.arrived = self.simulation.arrived
        self.bot = self.simulation.bot("dann_bot")
        self._people = [self.simulation.user(f"person{number}") for number in range(PEOPLE)]
        self.server = telegram.TelegramServer(self.simulation)
        self.simulation.limits[self.bot] = Unlimited()

    def is_connected(self) -> bool:
        """Crowd."""
        return bool(self.bot.used.get("getupdates"))

    def mention(self, number: int) -> Key:
        """Crowd."""
        person = self._people[number % PEOPLE]
        chat = self.simulation.private(person, self.bot)
        return chat.id, self.simulation.say(person, chat, WORDS[number % len(WORDS)]).id


class Unlimited(Limits):
    """Takes whatever comes."""

    def spend(self, chat: int) -> None:
        """Limits'."""
