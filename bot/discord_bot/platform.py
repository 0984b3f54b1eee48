"""Discord as a platform of dann. Imports discord.py only where there is a token."""

from bot.discord_bot.config import NAME, DiscordConfig
from bot.platform import Check, Platform, Run


def _load_run() -> Run:
    from bot.discord_bot.run import run  # noqa: PLC0415 (discord.py is large, and not everybody's)

    return run


def _load_check() -> Check:
    from bot.discord_bot.checks import check_discord  # noqa: PLC0415 (as above)

    return check_discord


DISCORD = Platform(
    name=NAME,
    title="Discord",
    setup="https://discord.com/developers/applications, New Application, Bot, Reset Token, "
    "and switch on Message Content Intent there",
    table=DiscordConfig,
    load_run=_load_run,
    load_check=_load_check,
)
