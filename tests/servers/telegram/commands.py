"""setMyCommands, getMyCommands, deleteMyCommands: a bot's menu per scope and language."""

import json
import re
from typing import Any

from tests.servers.telegram.errors import bad_request
from tests.servers.telegram.objects import Bot, Json
from tests.servers.telegram.parameters import Parameters
from tests.servers.telegram.simulation import SimulatedTelegram

MAX_COMMANDS = 100
GLOBAL_SCOPES = {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}
CHAT_SCOPES = {"chat", "chat_administrators", "chat_member"}


def set_my_commands(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> bool:
    """Set the menu of a scope; return True. Raises ApiError."""
    scope = _scope(simulation, bot, parameters)
    commands = parameters.object("commands", "commands")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands JSON object" if commands else "commands list must be non-empty")
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    bot.commands[scope] = [_command(command) for command in commands]
    return True


def get_my_commands(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> list[Json]:
    """Return the menu of exactly this scope."""
    return bot.commands.get(_scope(simulation, bot, parameters), [])


def delete_my_commands(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> bool:
    """Delete the menu of a scope; return True. Raises ApiError."""
    bot.commands.pop(_scope(simulation, bot, parameters), None)
    return True


def scope_key(scope: Json, language: str = "") -> str:
    """Return the key of a scope in `Bot.commands`."""
    return json.dumps([scope, language], sort_keys=True)


def _command(command: Any) -> Json:
    if not isinstance(command, dict) or not isinstance(command.get("command"), str):
        raise bad_request("can't parse BotCommand: expected an Object with a command")
    name, description = command["command"].removeprefix("/"), command.get("description")
    if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description.strip()}


def _scope(simulation: SimulatedTelegram, bot: Bot, parameters: Parameters) -> str:
    scope: Any = parameters.object("scope", "BotCommandScope") or {"type": "default"}
    kind = scope.get("type") if isinstance(scope, dict) else None
    if kind not in GLOBAL_SCOPES | CHAT_SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    if kind in CHAT_SCOPES:
        chat = simulation.chat_of(bot, str(scope.get("chat_id", "")))
        if chat is None or (chat.person and not chat.started):
            raise bad_request("chat not found")
        scope = {**scope, "chat_id": chat.id}
    language = parameters.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("language code is invalid")
    return scope_key(scope, language)
