"""When dann says something that nobody asked for: off by default, by chance, where it may, never in quiet hours."""

import time
from collections.abc import Callable
from secrets import SystemRandom

from bot.config import RemarksConfig
from bot.replies.types import Channel, ChatMessage


class UnpromptedRemarks:
    """Says whether a message that is not for dann gets a remark."""

    def __init__(
        self,
        config: RemarksConfig,
        chance: Callable[[], float] | None = None,
        local_hour: Callable[[], int] = lambda: time.localtime().tm_hour,
    ) -> None:
        self._config = config
        self._random = chance or SystemRandom().random
        self._local_hour = local_hour

    def should_remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> bool:
        """Whether to remark on `said`; never where it speaks to somebody, comes from a program, or was said in private."""
        listed = not {channel.chat, channel.thread}.isdisjoint(self._config.chats)
        if (
            not listed
            or channel.private
            or addressed
            or message.reply_to
            or message.author.is_bot
            or message.author.is_me
        ):
            return False
        return not self._is_quiet() and self._random() < self._config.chance

    def _is_quiet(self) -> bool:
        """Whether it is a quiet hour; they may go past midnight."""
        start, end = self._config.quiet_from, self._config.quiet_until
        hour = self._local_hour()
        return start <= hour < end if start <= end else hour >= start or hour < end
