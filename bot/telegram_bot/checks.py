"""Check what would keep dann from answering on Telegram. Changes nothing."""

from collections.abc import Callable
from typing import Any

from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.config import BotSettings
from bot.platform import Finding
from bot.telegram_bot.client import PRIVACY
from bot.telegram_bot.command_menu import menu_is_set
from bot.telegram_bot.commands import command_name
from bot.telegram_bot.config import TelegramConfig
from bot.telegram_bot.requests import REFUSAL


async def check_telegram(token: str, settings: BotSettings, dated: Callable[[str], Any]) -> list[Finding]:
    """Check the token, privacy mode and the list of commands. `dated` is called with each Date header."""

    async def pass_on_date(response: Any) -> None:
        if date := response.headers.get("Date"):
            dated(date)

    host = TelegramConfig.of(settings.bot).base_url.rstrip("/").removesuffix("/bot") or "https://api.telegram.org"
    request = HTTPXRequest(httpx_kwargs={"event_hooks": {"response": [pass_on_date]}})
    try:
        async with Bot(token, f"{host}/bot", f"{host}/file/bot", request=request) as bot:
            return await _check_bot(bot, settings)
    except InvalidToken:
        seen, advice = REFUSAL.removeprefix("Telegram ").split(": ", 1)
        return [Finding("Telegram", seen, trouble=True, advice=advice)]
    except TelegramError as error:
        seen = f"cannot be asked ({type(error).__name__})"
        return [Finding("Telegram", seen, trouble=True, advice="look at the network, then try again")]


async def _check_bot(bot: Bot, settings: BotSettings) -> list[Finding]:
    findings = [Finding("Telegram", f"@{bot.username}")]
    if bot.bot.can_read_all_group_messages:
        findings.append(Finding("  privacy mode", "off"))
    else:
        seen, advice = PRIVACY.removeprefix("privacy mode is ").split(": ", 1)
        findings.append(Finding("  privacy mode", seen, trouble=True, advice=advice))
    if await menu_is_set(bot, command_name(settings.persona.name)):
        return [*findings, Finding("  commands", "listed")]
    seen, advice = "not listed as they are now", "start `dann serve` once: it lists them"
    return [*findings, Finding("  commands", seen, trouble=True, advice=advice)]
