"""Keep dann on Telegram for as long as it serves."""

import asyncio

from bot.config import BotSettings
from bot.platform import Tell
from bot.replies.types import Replier
from bot.retraining.notify import OwnerNotifier
from bot.serving.collect import Collector
from bot.telegram_bot.client import TelegramBot
from bot.telegram_bot.config import TelegramConfig


async def run(
    token: str, settings: BotSettings, replier: Replier, ready: Tell, collector: Collector, news: OwnerNotifier
) -> None:
    """Answer on Telegram until cancelled; then finish the replies in flight, and close.

    Owners are told of `news` here. `ready` is called with one line when dann is connected. Raises DannError, one line that
    says what to do, as `TelegramBot.start`.
    """
    bot = TelegramBot(token, settings, replier, collector)
    with news.attached("Telegram", bot.tell_owner, TelegramConfig.of(settings.bot).owners):
        ready(await bot.start())
        try:
            await asyncio.Event().wait()
        finally:
            await bot.stop()
