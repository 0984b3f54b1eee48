"""Decide when dann remarks on a message not for it: off by default, random, in listed channels, not in quiet hours."""

import time
from collections.abc import Callable
from secrets import SystemRandom

from bot.config import RemarksConfig
from bot.replies.types import Channel, ChatMessage


class UnpromptedRemarks:
    """Decides whether a message that is not for dann gets a remark."""

    def __init__(
        self,
        config: RemarksConfig,
        random: Callable[[], float] | None = None,
        local_hour: Callable[[], int] = lambda: time.localtime().tm_hour,
    ) -> None:
        self._config = config
        self._random = random or SystemRandom().random
        self._local_hour = local_hour

    def should_remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> bool:
        """Whether to remark on it; never where it speaks to somebody else, comes from a bot, or is private."""
        listed = not {channel.chat, channel.thread}.isdisjoint(self._config.chats)
        to_others = addressed or message.reply_to or message.author.is_bot or message.author.is_me
        if not listed or channel.private or to_others:
            return False
        start, end, hour = self._config.quiet_from, self._config.quiet_until, self._local_hour()
        quiet = start <= hour < end if start <= end else hour >= start or hour < end  # they may span midnight
        return not quiet and self._random() < self._config.chance
