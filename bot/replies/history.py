"""Recent messages of each channel, in memory alone, bounded in number, age and channels.

Beyond `messages` the older half goes at once, so between half of them and all are read. Messages of one channel are never
read in another: a Channel is the key, and whether it is private is part of it. Knows no network.
"""

from collections import OrderedDict
from dataclasses import replace

from bot.replies.types import Channel, ChatMessage

MAX_CHARACTERS = 4096
"""Kept of one message; the longest that Discord and Telegram let a person send."""
MAX_DELETED = 10_000


class History:
    """Recent messages: up to `messages` plus one per channel, none older than `seconds`.

    Age counts from the channel's newest message. At most `channels` are message, those heard from last.
    """

    def __init__(self, messages: int, seconds: float, channels: int) -> None:
        self._messages = messages
        self._seconds = seconds
        self._max_channels = channels
        self._channels: OrderedDict[Channel, dict[str, ChatMessage]] = OrderedDict()
        self._deleted: OrderedDict[tuple[Channel, str], None] = OrderedDict()

    def __len__(self) -> int:
        """Number of messages remembered."""
        return sum(map(len, self._channels.values()))

    def add(self, channel: Channel, message: ChatMessage) -> None:
        """Remember a message, unless it is known or was deleted."""
        recent = self._channels.setdefault(channel, {})
        self._channels.move_to_end(channel)
        if message.id not in recent and not self.is_deleted(channel, message.id):
            recent[message.id] = replace(message, text=message.text[:MAX_CHARACTERS])
        newest = max((other.time for other in recent.values()), default=0.0)
        for old in [other for other in recent.values() if other.time < newest - self._seconds]:
            del recent[old.id]
        if len(recent) > self._messages + 1:  # one more: the message to answer
            self._forget_half(recent)
        self._forget_channels(message.time - self._seconds)

    def edit(self, channel: Channel, id_: str, text: str) -> None:
        """Update a remembered message."""
        recent = self._channels.get(channel, {})
        if id_ in recent:
            recent[id_] = replace(recent[id_], text=text[:MAX_CHARACTERS])

    def delete(self, channel: Channel, id_: str) -> None:
        """Forget a message, even one that arrives only later."""
        self._channels.get(channel, {}).pop(id_, None)
        self._deleted[channel, id_] = None
        if len(self._deleted) > MAX_DELETED:
            self._deleted.popitem(last=False)

    def clear(self) -> None:
        """Forget everything that was said."""
        self._channels.clear()

    def forget_author(self, platform: str, id_: str) -> None:
        """Forget what somebody said, in every channel of a platform."""
        for channel, recent in self._channels.items():
            if channel.platform == platform:
                for message in [one for one in recent.values() if one.author.id == id_]:
                    del recent[message.id]

    def is_deleted(self, channel: Channel, id_: str) -> bool:
        """Whether this message was deleted."""
        return (channel, id_) in self._deleted

    def find(self, channel: Channel, id_: str) -> ChatMessage | None:
        """Return a remembered message with its current text."""
        return self._channels.get(channel, {}).get(id_)

    def before(self, channel: Channel, message: ChatMessage) -> list[ChatMessage]:
        """Return the last `messages` before `message` that are recent enough, oldest first."""
        # Stable: ties stay in order of arrival.
        recent = sorted(self._channels.get(channel, {}).values(), key=lambda other: other.time)
        ids = [other.id for other in recent]
        end = ids.index(message.id) if message.id in ids else len(recent)
        recent = [other for other in recent[:end] if message.time - self._seconds <= other.time <= message.time]
        return recent[max(0, len(recent) - self._messages) :]

    def _forget_half(self, recent: dict[str, ChatMessage]) -> None:
        """Forget the older half at once: until the next time, conversations share a beginning, prefilled once."""
        by_age = sorted(recent.values(), key=lambda message: message.time)
        for old in by_age[: len(recent) - 1 - (self._messages + 1) // 2]:
            del recent[old.id]

    def _forget_channels(self, oldest: float) -> None:
        """Forget the channels heard from least recently: over the limit, or with only messages before `oldest`."""
        while self._channels:
            recent = next(iter(self._channels.values()))
            if len(self._channels) <= self._max_channels and any(message.time >= oldest for message in recent.values()):
                return
            self._channels.popitem(last=False)
