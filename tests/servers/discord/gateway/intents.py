"""Gateway intents: the events a bot receives, and the message fields it may read."""

from enum import IntFlag
from typing import Any

from tests.servers.discord.objects import Channel


class Intent(IntFlag):
    """An intent that a bot requests when it identifies."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


class AppFlag(IntFlag):
    """The privileged intents enabled for an application in the developer portal."""

    PRESENCES = 1 << 12
    GUILD_MEMBERS = 1 << 14
    MESSAGE_CONTENT = 1 << 18
    MESSAGE_CONTENT_LIMITED = 1 << 19


PRIVILEGED = {
    Intent.GUILD_PRESENCES: AppFlag.PRESENCES,
    Intent.GUILD_MEMBERS: AppFlag.GUILD_MEMBERS,
    Intent.MESSAGE_CONTENT: AppFlag.MESSAGE_CONTENT | AppFlag.MESSAGE_CONTENT_LIMITED,
}


def valid(intents: object) -> bool:
    """Return whether every bit is an intent."""
    return isinstance(intents, int) and not isinstance(intents, bool) and intents >= 0 and not intents & ~_all()


def allowed(intents: int, flags: AppFlag) -> bool:
    """Return whether all requested privileged intents are enabled."""
    return all(flags & flag for intent, flag in PRIVILEGED.items() if intents & intent)


def subscribed(name: str, channel: Channel | None, intents: int) -> bool:
    """Return whether an event of this name belongs to the requested intents."""
    private = channel is not None and channel.guild is None
    if name.startswith("MESSAGE_"):
        return bool(intents & (Intent.DIRECT_MESSAGES if private else Intent.GUILD_MESSAGES))
    if name == "TYPING_START":
        return bool(intents & (Intent.DIRECT_MESSAGE_TYPING if private else Intent.GUILD_MESSAGE_TYPING))
    if name.startswith(("GUILD_", "CHANNEL_", "THREAD_")):
        return bool(intents & Intent.GUILDS)
    return name == "INTERACTION_CREATE"


def readable_message(body: dict[str, Any], bot: int, *, content: bool) -> dict[str, Any]:
    """Return a message as the bot may read it.

    Without Message Content it can read only its own and private messages, and those that mention it.
    """
    if body.get("referenced_message"):
        body = {**body, "referenced_message": readable_message(body["referenced_message"], bot, content=content)}
    private = "guild_id" not in body
    mentioned = any(user["id"] == str(bot) for user in body["mentions"])
    if content or private or mentioned or body["author"]["id"] == str(bot):
        return body
    return {**body, "content": "", "embeds": [], "attachments": [], "components": []}


def _all() -> int:
    bits = Intent(0)
    for intent in Intent:
        bits |= intent
    return int(bits)
