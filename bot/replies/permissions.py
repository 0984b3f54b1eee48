"""Who and where dann answers at all: the lists of config.toml, owners, and programs. Knows no network and no clock."""

from collections import OrderedDict

from bot.config import BotConfig, DiscordConfig, TelegramConfig
from bot.replies.types import Author, Channel, ChatMessage

MOST_EXCHANGES = 10_000
"""Places in which answers to bots are counted."""


class Permissions:
    """Says who is answered. A deny list wins over an allow list; an empty allow list allows all."""

    def __init__(self, config: BotConfig) -> None:
        self._discord = config.discord
        self._telegram = config.telegram
        self._most_exchanges = config.bot_exchanges
        self._exchanges: OrderedDict[Channel, int] = OrderedDict()

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        """A person's message ends a run of answers to bots."""
        if not (message.author.is_me or message.author.is_bot):
            self._exchanges.pop(channel, None)

    def is_owner(self, channel: Channel, author: Author) -> bool:
        """Whether this is an owner of dann on this platform."""
        table = self._table(channel)
        return table is not None and author.id in table.owners and not author.is_bot

    def admits(self, channel: Channel, author: Author) -> bool:
        """Whether dann answers this author here. Counts an answer to a bot, of which there are few in a row."""
        if author.is_me or not (self.opens(channel) and self._author_is_welcome(channel, author)):
            return False
        return not author.is_bot or self._may_answer_bot(channel, author)

    def opens(self, channel: Channel) -> bool:
        """Whether dann is to be in this place at all."""
        match self._table(channel):
            case DiscordConfig() as lists if channel.private:
                return lists.direct_messages
            case DiscordConfig() as lists:
                return _passes({channel.guild}, lists.allow_guilds, lists.deny_guilds) and _passes(
                    {channel.chat, channel.thread}, lists.allow_channels, lists.deny_channels
                )
            case TelegramConfig() as lists if channel.private:
                return lists.private_chats
            case TelegramConfig() as lists:
                return _passes({channel.chat}, lists.allow_chats, lists.deny_chats)
        return True

    def _table(self, channel: Channel) -> DiscordConfig | TelegramConfig | None:
        """The lists of the platform; the page has none."""
        if channel.platform == "discord":
            return self._discord
        return self._telegram if channel.platform == "telegram" else None

    def _author_is_welcome(self, channel: Channel, author: Author) -> bool:
        """Owners and bots that are listed need not be on an allow list too."""
        lists = self._table(channel)
        if lists is None:
            return True
        known = self.is_owner(channel, author) or author.is_bot
        welcome = _passes({author.id}, () if known else lists.allow_users, lists.deny_users)
        if isinstance(lists, DiscordConfig):
            return welcome and _passes(author.roles, () if known else lists.allow_roles, lists.deny_roles)
        return welcome

    def _may_answer_bot(self, channel: Channel, author: Author) -> bool:
        lists = self._table(channel)
        answered = self._exchanges.get(channel, 0)
        if lists is None or author.id not in lists.allow_bots or answered >= self._most_exchanges:
            return False
        self._exchanges[channel] = answered + 1
        self._exchanges.move_to_end(channel)
        if len(self._exchanges) > MOST_EXCHANGES:
            self._exchanges.popitem(last=False)
        return True


def _passes(ids: set[str] | frozenset[str], allow: tuple[str, ...], deny: tuple[str, ...]) -> bool:
    return ids.isdisjoint(deny) and (not allow or not ids.isdisjoint(allow))
