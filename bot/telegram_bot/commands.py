"""`/dann`, `/dann@name` and `/dann_admin`: whose command a message is, and what comes after it. Knows no options."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from telegram import Message, MessageEntity

from bot.telegram_bot.convert import entities

MAX_NAME = 32
"""Characters in a command's name, Telegram's rule."""
ADMIN_SUFFIX = "_admin"
_COMMAND = re.compile(r"/(?P<name>\w+?)(?P<admin>[-_]admin)?(?:@(?P<bot>\w+))?(?!\w)[ \t,:]*", re.ASCII | re.IGNORECASE)


class CommandKind(Enum):
    """What a command is to dann. `SPEECH`: none at all, or one that nobody has to answer to in a private chat."""

    MESSAGE = auto()
    TALK = auto()
    ADMIN = auto()
    START = auto()
    FOREIGN = auto()


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """What a message asks for, and the words after the command (all of them where there is none)."""

    kind: CommandKind
    text: str


def command_name(persona: str) -> str:
    """The persona's name as Telegram lets a command be called: "Zoë K." is zoe_k, and "dann" where no a-z or 0-9 is left."""
    plain = unicodedata.normalize("NFKD", persona).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return name[: MAX_NAME - len(ADMIN_SUFFIX)].strip("_").removesuffix(ADMIN_SUFFIX) or "dann"


def read_command(message: Message, text: str, *, username: str, command: str, private: bool) -> ParsedCommand:
    """Read `text` (the message's, mentions taken out) as a command, if the message begins with one."""
    begins = any(entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0 for entity in entities(message))
    found = _COMMAND.match(text) if begins and message.forward_origin is None else None
    if found is None:
        return ParsedCommand(CommandKind.MESSAGE, text)
    name, words = found["name"].lower(), text[found.end() :]
    if found["bot"] and found["bot"].lower() != username.lower():
        return ParsedCommand(CommandKind.FOREIGN, words)
    if name == command:
        return ParsedCommand(CommandKind.ADMIN if found["admin"] else CommandKind.TALK, words)
    if private and name == "start" and not found["admin"]:
        return ParsedCommand(CommandKind.START, words)
    return ParsedCommand(CommandKind.MESSAGE, text) if private else ParsedCommand(CommandKind.FOREIGN, words)
