"""Keeping dann on Telegram for as long as it serves. The entry point for app.py."""

import asyncio
from collections.abc import Callable

from bot.config import BotSettings
from bot.replies.types import Replier
from bot.retraining.notify import OwnerNotifier
from bot.serving.collect import Collector
from bot.telegram_bot.client import TelegramBot
from bot.telegram_bot.config import TelegramConfig


async def run(
    token: str,
    settings: BotSettings,
    answers: Replier,
    ready: Callable[[str], None],
    collector: Collector | None = None,
    news: OwnerNotifier | None = None,
) -> None:
    """Answer on Telegram until cancelled: then take no more messages, finish what is under way, and close.

    Owners are told of `news` here. `ready` is given one line when dann is there. Raises DannError, one line that says what
    to do, as `TelegramBot.start`.
    """
    bot = TelegramBot(token, settings, answers, collector)
    with (news or OwnerNotifier()).attached("Telegram", bot.tell_owner, TelegramConfig.of(settings.bot).owners):
        ready(await bot.start())
        try:
            await asyncio.Event().wait()
        finally:
            await bot.stop()
