"""`/dann`, `/dann@name` and `/dann_admin`: whose command a message is, and what comes after it. Knows no options."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from telegram import Message, MessageEntity

from bot.telegram_bot.convert import entities

MOST = 32
"""Characters in a command's name, Telegram's rule."""
ADMIN = "_admin"
_COMMAND = re.compile(r"/(?P<name>\w+?)(?P<admin>[-_]admin)?(?:@(?P<bot>\w+))?(?!\w)[ \t,:]*", re.ASCII | re.IGNORECASE)


class Kind(Enum):
    """What a command is to dann. `SPEECH`: none at all, or one that nobody has to answer to in a private chat."""

    SPEECH = auto()
    ASK = auto()
    ADMIN = auto()
    HELLO = auto()
    OTHERS = auto()


@dataclass(frozen=True, slots=True)
class Slash:
    """What a message asks for, and the words after the command (all of them where there is none)."""

    kind: Kind
    words: str


def command_name(persona: str) -> str:
    """The persona's name as Telegram lets a command be called: "Zoë K." is zoe_k, and "dann" where no a-z or 0-9 is left."""
    plain = unicodedata.normalize("NFKD", persona).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return name[: MOST - len(ADMIN)].strip("_").removesuffix(ADMIN) or "dann"


def slash(message: Message, text: str, *, username: str, command: str, private: bool) -> Slash:
    """Read `text` (the message's, mentions taken out) as a command, if the message begins with one."""
    begins = any(entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0 for entity in entities(message))
    found = _COMMAND.match(text) if begins and message.forward_origin is None else None
    if found is None:
        return Slash(Kind.SPEECH, text)
    name, words = found["name"].lower(), text[found.end() :]
    if found["bot"] and found["bot"].lower() != username.lower():
        return Slash(Kind.OTHERS, words)
    if name == command:
        return Slash(Kind.ADMIN if found["admin"] else Kind.ASK, words)
    if private and name == "start" and not found["admin"]:
        return Slash(Kind.HELLO, words)
    return Slash(Kind.SPEECH, text) if private else Slash(Kind.OTHERS, words)
