"""The contract of a platform, which a folder such as bot/discord_bot/ provides. Knows no platform."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bot.config import BotSettings
from bot.replies.permissions import PlatformConfig
from bot.replies.types import Replier
from bot.retraining.notify import OwnerNotifier
from bot.serving.collect import Collector

Tell = Callable[[str], None]
"""Prints one line for the person who started dann."""
Run = Callable[[str, BotSettings, Replier, Tell, Collector, OwnerNotifier], Coroutine[Any, Any, None]]
"""Answers with this token until cancelled, tells when it is connected, collects posts and notifies the owners.

Raises DannError, one line that says what to do, for what only a person can mend.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of `dann doctor`: the state `seen` of `what`; where it keeps dann from serving, what to do."""

    what: str
    seen: str
    trouble: bool = False
    advice: str = ""


Check = Callable[[str, BotSettings, Callable[[str], Any]], Coroutine[Any, Any, list[Finding]]]
"""Examines a token and its bot without changing anything; hands on each Date header, by which the clock is checked."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform.

    `name` is its `Channel.platform` and its table `[bot.NAME]`. `table` also holds its permissions and whose posts are
    collected. `load_run` and `load_check` import the client library, which is large: they are called only where there is a
    token.
    """

    name: str
    title: str
    setup: str
    table: type[PlatformConfig]
    load_run: Callable[[], Run]
    load_check: Callable[[], Check]

    @property
    def missing_token(self) -> str:
        """Say that there is no token, and how to get one."""
        return f"no {self.table.environment_variable}. To have one: {self.setup}"
