"""Parse `/dann`, `/dann@name`, `/dann_admin` and `/dann_privacy`: the command's kind and its text."""

import re
import unicodedata
from enum import Enum, auto

from telegram import Message

from bot.telegram_bot.convert import begins_with_command, channel_of

MAX_NAME = 32
"""Characters in a command's name, by Telegram's rule."""
ADMIN_SUFFIX, PRIVACY_SUFFIX = "_admin", "_privacy"
_COMMAND = re.compile(
    r"/(?P<name>\w+?)(?P<suffix>[-_](?:admin|privacy))?(?:@(?P<bot>\w+))?(?!\w)[ \t,:]*", re.ASCII | re.IGNORECASE
)


class CommandKind(Enum):
    """Kinds of messages. MESSAGE: no command, or an unknown one in private; FOREIGN: another bot's command."""

    MESSAGE = auto()
    TALK = auto()
    ADMIN = auto()
    PRIVACY = auto()
    START = auto()
    FOREIGN = auto()


def command_name(persona: str) -> str:
    """Return the persona's name as Telegram's command: "Zoë K." is zoe_k; "dann" where no a-z or 0-9 is left."""
    plain = unicodedata.normalize("NFKD", persona).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    name = name[: MAX_NAME - len(ADMIN_SUFFIX)].strip("_")
    return name.removesuffix(ADMIN_SUFFIX).removesuffix(PRIVACY_SUFFIX) or "dann"


def privacy_command(command: str) -> str:
    """Return the name of everybody's command for themselves, beside /command; a long name is cut."""
    return command[: MAX_NAME - len(PRIVACY_SUFFIX)].rstrip("_") + PRIVACY_SUFFIX


def read_command(message: Message, text: str, username: str, command: str) -> tuple[CommandKind, str]:
    """Return the kind of `text` (the message's, without mentions), and what follows the command, if there is one."""
    begins = begins_with_command(message) and message.forward_origin is None
    match = _COMMAND.match(text) if begins else None
    if match is None:
        return CommandKind.MESSAGE, text
    name, rest, private = match["name"].lower(), text[match.end() :], channel_of(message).private
    if match["bot"] and match["bot"].lower() != username.lower():
        return CommandKind.FOREIGN, rest
    suffix = (match["suffix"] or "").lower().replace("-", "_")
    if f"{name}{suffix}" == privacy_command(command):
        return CommandKind.PRIVACY, rest
    if name == command and suffix != PRIVACY_SUFFIX:
        return CommandKind.ADMIN if suffix else CommandKind.TALK, rest
    if private and name == "start" and not suffix:
        return CommandKind.START, rest
    return (CommandKind.MESSAGE, text) if private else (CommandKind.FOREIGN, rest)
