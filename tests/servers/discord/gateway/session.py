"""One bot's gateway session: its intents, and the events to replay when it resumes."""

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.servers.discord.gateway import intents
from tests.servers.discord.objects import Channel, Event, Guild

Json = dict[str, Any]
MAX_REPLAYED = 1000
"""Events kept for a bot that resumes."""


@dataclass(eq=False, slots=True)
class Session:
    """A session; `seq` numbers its events, `kept` are those that can be replayed, oldest first."""

    bot: int
    intents: int
    shard: tuple[int, int]
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    kept: deque[Json] = field(default_factory=lambda: deque(maxlen=MAX_REPLAYED))

    def frame(self, name: str, payload: Json) -> Json:
        """Return the next event, numbered and kept for replay."""
        self.seq += 1
        frame = {"op": 0, "t": name, "s": self.seq, "d": payload}
        self.kept.append(frame)
        return frame

    def frame_for(self, event: Event) -> Json | None:
        """Return the frame for an event, or None if this bot does not receive it."""
        if not self.includes(event.guild, event.channel) or not self._wants(event):
            return None
        payload = event.payload
        if event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            content = bool(self.intents & intents.Intent.MESSAGE_CONTENT)
            payload = intents.readable_message(payload, self.bot, content=content)
        return self.frame(event.name, payload)

    def includes(self, guild: Guild | None, channel: Channel | None = None) -> bool:
        """Return whether this shard has a guild (None: private channels) and may see the channel."""
        number, count = self.shard
        mine = (guild.id >> 22) % count == number if guild else number == 0
        return mine and (channel is None or bool(channel.bot_may & channel.bot_may.VIEW))

    def missed(self, seq: int) -> list[Json] | None:
        """Return the events after `seq`, or None if some are no longer kept."""
        missed = [frame for frame in self.kept if frame["s"] > seq]
        return missed if len(missed) == self.seq - seq else None

    def _wants(self, event: Event) -> bool:
        return intents.subscribed(event.name, event.channel, self.intents)
