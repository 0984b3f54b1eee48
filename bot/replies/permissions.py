"""Who and where dann answers at all: the lists of config.toml, owners, and programs. Knows no network and no clock."""

from collections import OrderedDict

from bot.config import BotConfig, DiscordConfig, TelegramConfig
from bot.replies.types import Author, Place, Said

MOST_EXCHANGES = 10_000
"""Places in which answers to bots are counted."""


class Gate:
    """Says who is answered. A deny list wins over an allow list; an empty allow list allows all."""

    def __init__(self, config: BotConfig) -> None:
        self._discord = config.discord
        self._telegram = config.telegram
        self._most_exchanges = config.bot_exchanges
        self._exchanges: OrderedDict[Place, int] = OrderedDict()

    def heard(self, place: Place, said: Said) -> None:
        """A person's message ends a run of answers to bots."""
        if not (said.author.is_me or said.author.is_bot):
            self._exchanges.pop(place, None)

    def is_owner(self, place: Place, author: Author) -> bool:
        """Whether this is an owner of dann on this platform."""
        table = self._table(place)
        return table is not None and author.id in table.owners and not author.is_bot

    def admits(self, place: Place, author: Author) -> bool:
        """Whether dann answers this author here. Counts an answer to a bot, of which there are few in a row."""
        if author.is_me or not (self.opens(place) and self._author_is_welcome(place, author)):
            return False
        return not author.is_bot or self._may_answer_bot(place, author)

    def opens(self, place: Place) -> bool:
        """Whether dann is to be in this place at all."""
        match self._table(place):
            case DiscordConfig() as lists if place.private:
                return lists.direct_messages
            case DiscordConfig() as lists:
                return _passes({place.guild}, lists.allow_guilds, lists.deny_guilds) and _passes(
                    {place.chat, place.thread}, lists.allow_channels, lists.deny_channels
                )
            case TelegramConfig() as lists if place.private:
                return lists.private_chats
            case TelegramConfig() as lists:
                return _passes({place.chat}, lists.allow_chats, lists.deny_chats)
        return True

    def _table(self, place: Place) -> DiscordConfig | TelegramConfig | None:
        """The lists of the platform; the page has none."""
        if place.platform == "discord":
            return self._discord
        return self._telegram if place.platform == "telegram" else None

    def _author_is_welcome(self, place: Place, author: Author) -> bool:
        """Owners and bots that are listed need not be on an allow list too."""
        lists = self._table(place)
        if lists is None:
            return True
        known = self.is_owner(place, author) or author.is_bot
        welcome = _passes({author.id}, () if known else lists.allow_users, lists.deny_users)
        if isinstance(lists, DiscordConfig):
            return welcome and _passes(author.roles, () if known else lists.allow_roles, lists.deny_roles)
        return welcome

    def _may_answer_bot(self, place: Place, author: Author) -> bool:
        lists = self._table(place)
        answered = self._exchanges.get(place, 0)
        if lists is None or author.id not in lists.allow_bots or answered >= self._most_exchanges:
            return False
        self._exchanges[place] = answered + 1
        self._exchanges.move_to_end(place)
        if len(self._exchanges) > MOST_EXCHANGES:
            self._exchanges.popitem(last=False)
        return True


def _passes(ids: set[str] | frozenset[str], allow: tuple[str, ...], deny: tuple[str, ...]) -> bool:
    return ids.isdisjoint(deny) and (not allow or not ids.isdisjoint(allow))
