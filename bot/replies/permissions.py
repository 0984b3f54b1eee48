"""Permissions: the lists of config.toml, owners, and bots. Knows no network and no clock."""

from collections import OrderedDict
from collections.abc import Collection
from typing import ClassVar, Self

from pydantic import model_validator

from bot.config import BotConfig, Ids
from bot.replies.types import Author, Channel, ChatMessage
from training.config.table import ConfigTable

MAX_CHANNELS = 10_000
"""Channels in which answers to bots are counted."""


class PlatformConfig(ConfigTable):
    """The table of a platform, `[bot.NAME]`: owners, permissions, collecting.

    An empty allow list allows all; a deny list wins. `collect_from` lists whose own messages are stored where these are not
    the owners.
    """

    environment_variable: ClassVar[str]
    """The environment variable of the platform's token."""

    owners: Ids = ()
    collect: bool = False
    collect_from: Ids = ()
    allow_users: Ids = ()
    deny_users: Ids = ()
    allow_bots: Ids = ()

    @model_validator(mode="after")
    def _somebody_is_listed(self) -> Self:
        if self.collect and not (self.collect_from or self.owners):
            raise ValueError("collect needs the id of whose messages are meant, in collect_from or owners")
        return self

    @classmethod
    def of(cls, config: BotConfig) -> Self:
        """Return this platform's table, the defaults where there is none."""
        return next((table for _, table in config if isinstance(table, cls)), cls())

    def is_owner(self, author: Author) -> bool:
        """Whether this is an owner of dann."""
        return author.id in self.owners and not author.is_bot

    def admits_channel(self, channel: Channel) -> bool:  # noqa: ARG002 (a platform without lists of channels)
        """Whether dann may answer in this channel."""
        return True

    def admits_author(self, author: Author, *, listed: bool) -> bool:
        """Whether dann may answer this author; `listed`, owners and listed bots, need no place on an allow list."""
        return is_allowed({author.id}, () if listed else self.allow_users, self.deny_users)


NO_TABLE = PlatformConfig()
"""The page's: it has no lists."""


def platform_tables(config: BotConfig) -> dict[str, PlatformConfig]:
    """Return the table of each platform, by its name."""
    return {name: table for name, table in config if isinstance(table, PlatformConfig)}


def is_allowed(ids: Collection[str], allow: Collection[str], deny: Collection[str]) -> bool:
    """Whether one of these ids is allowed (an empty list allows all) and none is denied."""
    return not any(id_ in deny for id_ in ids) and (not allow or any(id_ in allow for id_ in ids))


class Permissions:
    """Decides who is answered, by the platforms' tables."""

    def __init__(self, config: BotConfig) -> None:
        self._tables = platform_tables(config)
        self._most_exchanges = config.bot_exchanges
        self._exchanges: OrderedDict[Channel, int] = OrderedDict()

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        """End a run of answers to bots where a person speaks."""
        if not (message.author.is_me or message.author.is_bot):
            self._exchanges.pop(channel, None)

    def is_owner(self, channel: Channel, author: Author) -> bool:
        """Whether this is an owner of dann on this platform."""
        return self._table(channel).is_owner(author)

    def admits(self, channel: Channel, author: Author) -> bool:
        """Whether dann answers this author here; counts answers to bots, few in a row."""
        table = self._table(channel)
        listed = author.is_bot or table.is_owner(author)
        if author.is_me or not (table.admits_channel(channel) and table.admits_author(author, listed=listed)):
            return False
        return not author.is_bot or (author.id in table.allow_bots and self._may_answer_bot(channel))

    def admits_channel(self, channel: Channel) -> bool:
        """Whether dann answers in this channel at all."""
        return self._table(channel).admits_channel(channel)

    def _table(self, channel: Channel) -> PlatformConfig:
        return self._tables.get(channel.platform, NO_TABLE)

    def _may_answer_bot(self, channel: Channel) -> bool:
        count = self._exchanges.get(channel, 0)
        if count >= self._most_exchanges:
            return False
        self._exchanges[channel] = count + 1
        self._exchanges.move_to_end(channel)
        if len(self._exchanges) > MAX_CHANNELS:
            self._exchanges.popitem(last=False)
        return True
