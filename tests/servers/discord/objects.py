"""Discord's objects: users, guilds, channels, messages, interactions. Knows no protocol."""

import time
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

EPOCH_MS = 1_420_070_400_000
"""The epoch of Discord's ids, in Unix milliseconds."""


class Ids:
    """Discord ids: the time in milliseconds, then a counter, always increasing."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> int:
        self._last = max(self._last + 1, (time.time_ns() // 1_000_000 - EPOCH_MS) << 22)
        return self._last


class Permission(IntFlag):
    """The bot's permissions in a channel."""

    VIEW = 1 << 10
    SEND = 1 << 11
    READ_HISTORY = 1 << 16
    SEND_IN_THREADS = 1 << 38


EVERYTHING = Permission.VIEW | Permission.SEND | Permission.READ_HISTORY | Permission.SEND_IN_THREADS


class Kind(IntEnum):
    """A channel's type."""

    TEXT = 0
    DM = 1
    THREAD = 11


class Flag(IntFlag):
    """A message's flags."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12


@dataclass(eq=False, slots=True)
class User:
    """A person or a bot. `refuses_messages`: they accept no private messages."""

    id: int
    name: str
    bot: bool = False
    refuses_messages: bool = False


@dataclass(eq=False, slots=True)
class Member:
    """A user in a guild, with the ids of their roles."""

    user: User
    roles: list[int] = field(default_factory=list)
    administrator: bool = False


@dataclass(eq=False, slots=True)
class Guild:
    """A guild; `roles` are names by id."""

    id: int
    name: str
    members: dict[int, Member] = field(default_factory=dict, repr=False)
    channels: "dict[int, Channel]" = field(default_factory=dict, repr=False)
    roles: dict[int, str] = field(default_factory=dict, repr=False)


@dataclass(eq=False, slots=True)
class Channel:
    """A channel of a guild, a thread of one (`parent`), or a user's private channel."""

    id: int
    kind: Kind
    name: str = ""
    guild: Guild | None = None
    parent: "Channel | None" = None
    recipient: User | None = None
    bot_may: Permission = EVERYTHING
    messages: "dict[int, Message]" = field(default_factory=dict, repr=False)


@dataclass(eq=False, slots=True)
class Message:
    """One message; `pings` are the ids it notifies, and "everyone"; times are Unix seconds.

    `reference` is the id of the message it replies to, even if that is deleted. `with_member` False leaves out the author's
    roles, as Discord does for webhooks.
    """

    id: int
    channel: Channel
    author: User
    content: str
    time: float
    reference: int | None = None
    edited: float | None = None
    pings: set[int | str] = field(default_factory=set)
    attachments: tuple[str, ...] = ()
    flags: Flag = field(default_factory=lambda: Flag(0))
    webhook: bool = False
    with_member: bool = True
    type: int = 0
    interaction: "Interaction | None" = field(default=None, repr=False)
    nonce: str = ""


@dataclass(eq=False, slots=True)
class Interaction:
    """A used command. `original` is the answer's first message, `followups` are the others.

    `acknowledged` is the callback's type, None before that. `created` is the simulated clock, in seconds.
    """

    id: int
    token: str
    user: User
    channel: Channel
    data: dict[str, Any]
    created: float
    acknowledged: int | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)

    @property
    def shown(self) -> list[Message]:
        """The answer's messages as the user sees them, without "thinking"."""
        first = [self.original] if self.original and not self.original.flags & Flag.LOADING else []
        return [*first, *self.followups]


@dataclass(frozen=True, slots=True)
class Event:
    """An event for bots that subscribed to it; `guild` None for private channels."""

    name: str
    payload: dict[str, Any]
    guild: Guild | None = None
    channel: Channel | None = None
