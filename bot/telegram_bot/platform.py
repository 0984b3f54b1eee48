"""Telegram as a platform of dann. Imports python-telegram-bot only where there is a token."""

from bot.platform import Check, Platform, Run
from bot.telegram_bot.config import NAME, TelegramConfig


def _load_run() -> Run:
    from bot.telegram_bot.run import run  # noqa: PLC0415 (python-telegram-bot is large, and not everybody's)

    return run


def _load_check() -> Check:
    from bot.telegram_bot.checks import check_telegram  # noqa: PLC0415 (as above)

    return check_telegram


TELEGRAM = Platform(
    name=NAME,
    title="Telegram",
    setup="write /newbot to @BotFather on Telegram",
    table=TelegramConfig,
    load_run=_load_run,
    load_check=_load_check,
)
