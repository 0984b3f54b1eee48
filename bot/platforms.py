"""The platforms that dann answers on, a line each, and the settings with their tables. Imports no client library."""

from functools import cache

from pydantic import create_model

from bot.config import BotConfig, BotSettings
from bot.discord_bot.platform import DISCORD
from bot.platform import Platform
from bot.telegram_bot.platform import TELEGRAM

PLATFORMS: tuple[Platform, ...] = (DISCORD, TELEGRAM)


def settings_class() -> type[BotSettings]:
    """Return the settings of config.toml with a table `[bot.NAME]` for every platform."""
    return _with_tables(PLATFORMS)


@cache
def _with_tables(platforms: tuple[Platform, ...]) -> type[BotSettings]:
    tables = {platform.name: (platform.table, platform.table()) for platform in platforms}
    bot = create_model("BotConfig", __base__=BotConfig, **tables)  # type: ignore[call-overload]  # fields by name
    settings: type[BotSettings] = create_model("BotSettings", __base__=BotSettings, bot=(bot, bot()))
    return settings
