"""The list of commands that Telegram shows, set only where it differs."""

import logging
from collections.abc import Sequence

from telegram import Bot, BotCommand, BotCommandScope, BotCommandScopeChat, BotCommandScopeDefault
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.replies.options import OPTIONS, PRIVACY_COMMANDS
from bot.telegram_bot.commands import ADMIN_SUFFIX, privacy_command

EXAMPLES = " ".join(f"{option.name}={option.example}" for option in OPTIONS if option.example)
TALK_HELP = f"say something; also {EXAMPLES} before or among your words"
PRIVACY_HELP = f"what is kept of you, and how to leave: {', '.join(PRIVACY_COMMANDS)}"
ADMIN_HELP = "for owners: status, retrain (or retrain force), rollback, pause, resume, reload"

logger = logging.getLogger("dann.telegram")


async def set_menu(bot: Bot, command: str, owners: Sequence[str]) -> None:
    """Show everybody's commands to all and /command_admin to owners, in their own chat; failures are only logged."""
    everybodys = _everybodys(command)
    admin = BotCommand(command + ADMIN_SUFFIX, ADMIN_HELP)
    try:
        await _set(bot, everybodys, BotCommandScopeDefault())
        for owner in owners:
            await _set_for_owner(bot, [*everybodys, admin], owner)
    except TelegramError as error:
        logger.warning("Telegram's list of commands could not be set: %s", error)


async def menu_is_set(bot: Bot, command: str) -> bool:
    """Whether the list that everybody sees is up to date."""
    return list(await bot.get_my_commands()) == _everybodys(command)


def _everybodys(command: str) -> list[BotCommand]:
    return [BotCommand(command, TALK_HELP), BotCommand(privacy_command(command), PRIVACY_HELP)]


async def _set_for_owner(bot: Bot, commands: list[BotCommand], owner: str) -> None:
    try:
        await _set(bot, commands, BotCommandScopeChat(owner))
    except (BadRequest, Forbidden):
        logger.info("owner %s has not written to the bot yet, so has no list of commands of their own", owner)


async def _set(bot: Bot, commands: list[BotCommand], scope: BotCommandScope) -> None:
    if list(await bot.get_my_commands(scope)) != commands:
        await bot.set_my_commands(commands, scope)
