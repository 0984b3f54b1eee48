"""One bot's session: what it asked for, what it was told, and so what it missed while it was away."""

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.servers.discord.gateway import intents
from tests.servers.discord.objects import Channel, Event, Guild

Json = dict[str, Any]
REPLAYED = 1000
"""How many events are kept for a bot that comes back."""


@dataclass(eq=False, slots=True)
class Session:
    """`seq` numbers the events; `kept` are those that can be told again, oldest first."""

    bot: int
    intents: int
    shard: tuple[int, int]
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    kept: deque[Json] = field(default_factory=lambda: deque(maxlen=REPLAYED))

    def frame(self, name: str, payload: Json) -> Json:
        """The next event, numbered and kept."""
        self.seq += 1
        frame = {"op": 0, "t": name, "s": self.seq, "d": payload}
        self.kept.append(frame)
        return frame

    def told(self, event: Event) -> Json | None:
        """The event as this bot is told of it, or None."""
        if not self.concerns(event.guild, event.channel) or not self._wants(event):
            return None
        payload = event.payload
        if event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            content = bool(self.intents & intents.Intent.MESSAGE_CONTENT)
            payload = intents.readable(payload, self.bot, content=content)
        return self.frame(event.name, payload)

    def concerns(self, guild: Guild | None, channel: Channel | None = None) -> bool:
        """Whether this shard is told of a guild (None: of private chats), and the bot may see the channel."""
        number, count = self.shard
        mine = (guild.id >> 22) % count == number if guild else number == 0
        return mine and (channel is None or bool(channel.bot_may & channel.bot_may.VIEW))

    def missed(self, seq: int) -> list[Json] | None:
        """The events after `seq`, or None where some of them are no longer kept."""
        missed = [frame for frame in self.kept if frame["s"] > seq]
        return missed if len(missed) == self.seq - seq else None

    def _wants(self, event: Event) -> bool:
        return intents.asked_for(event.name, event.channel, self.intents)
