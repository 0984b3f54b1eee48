"""The last messages of each place, in memory alone: bounded in number, in age and in places. Knows no network.

Of `messages` at most, the older half goes when there are more; so between half of them and all are read.

What was said in one place is never read in another: a Place is the key, and whether it is private is a part of it.
"""

from collections import OrderedDict
from dataclasses import replace

from bot.replies.types import Channel, ChatMessage

MAX_CHARACTERS = 4096
"""Kept of one message; the longest that either platform lets a person send."""
MAX_DELETED = 10_000


class History:
    """What was said lately: `messages` and one a place, within `seconds` of its newest, in the `places` heard from last."""

    def __init__(self, messages: int, seconds: float, places: int) -> None:
        self._messages = messages
        self._seconds = seconds
        self._max_channels = places
        self._channels: OrderedDict[Channel, dict[str, ChatMessage]] = OrderedDict()
        self._deleted: OrderedDict[tuple[Channel, str], None] = OrderedDict()

    def __len__(self) -> int:
        """How many messages are remembered."""
        return sum(map(len, self._channels.values()))

    def add(self, channel: Channel, message: ChatMessage) -> None:
        """Remember a message. One that was heard or deleted before changes nothing."""
        here = self._channels.setdefault(channel, {})
        self._channels.move_to_end(channel)
        if message.id not in here and not self.is_deleted(channel, message.id):
            here[message.id] = replace(message, text=message.text[:MAX_CHARACTERS])
        newest = max((one.time for one in here.values()), default=0.0)
        for one in [one for one in here.values() if one.time < newest - self._seconds]:
            del here[one.id]
        if len(here) > self._messages + 1:  # one more: that which is answered
            self._forget_half(here)
        self._forget_channels(message.time - self._seconds)

    def edit(self, channel: Channel, id_: str, text: str) -> None:
        """A message that is remembered now reads so."""
        here = self._channels.get(channel, {})
        if id_ in here:
            here[id_] = replace(here[id_], text=text[:MAX_CHARACTERS])

    def delete(self, channel: Channel, id_: str) -> None:
        """Forget a message, also one that is heard only later."""
        self._channels.get(channel, {}).pop(id_, None)
        self._deleted[channel, id_] = None
        if len(self._deleted) > MAX_DELETED:
            self._deleted.popitem(last=False)

    def is_deleted(self, channel: Channel, id_: str) -> bool:
        """Whether this message was deleted."""
        return (channel, id_) in self._deleted

    def find(self, channel: Channel, id_: str) -> ChatMessage | None:
        """The message of this id, as it reads now, if it is remembered."""
        return self._channels.get(channel, {}).get(id_)

    def before(self, channel: Channel, message: ChatMessage) -> list[ChatMessage]:
        """The last `messages` that were said in this place before `said` and are not too old, oldest first."""
        here = sorted(
            self._channels.get(channel, {}).values(), key=lambda one: one.time
        )  # ties stay as they were heard
        ids = [one.id for one in here]
        end = ids.index(message.id) if message.id in ids else len(here)
        lately = [one for one in here[:end] if message.time - self._seconds <= one.time <= message.time]
        return lately[max(0, len(lately) - self._messages) :]

    def _forget_half(self, here: dict[str, ChatMessage]) -> None:
        """Forget the older half at once: between two such times a conversation begins alike, and need not be read anew."""
        ages = sorted(here.values(), key=lambda one: one.time)
        for one in ages[: len(here) - 1 - (self._messages + 1) // 2]:
            del here[one.id]

    def _forget_channels(self, oldest: float) -> None:
        """Forget the places heard from least lately: those beyond the bound, and those where all is older than `oldest`."""
        while self._channels:
            here = next(iter(self._channels.values()))
            if len(self._channels) <= self._max_channels and any(one.time >= oldest for one in here.values()):
                return
            self._channels.popitem(last=False)
