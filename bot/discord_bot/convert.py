"""Convert discord.py's messages to plain data: channel, author, text, reply chain."""

import re

import discord

from bot.discord_bot.config import NAME
from bot.replies.types import Author, Channel, ChatMessage
from training.exports.discord.markup import render

MAX_CHAIN = 20
"""Messages of a reply chain that are followed back; discord.py hands over one and caches the newest thousand."""

SMALL_PRINT = "\n-# "
"""Discord's markup for small print: in dann's own messages a footer follows it, which is not part of the text."""

_CODE = re.compile(r"```.*?```|``.+?``|`[^`]+`", re.DOTALL)
_USER_TYPES = {discord.MessageType.default, discord.MessageType.reply, discord.MessageType.chat_input_command}


def is_user_message(message: discord.Message) -> bool:
    """Whether somebody wrote it: no notice of a join or a pin, and no reply still "thinking"."""
    return message.type in _USER_TYPES and not message.flags.loading


def channel_of_id(channel: object, guild: int | None) -> Channel:
    """Build a Channel; a thread belongs to its channel, whose lists count for it too."""
    guild_id = "" if guild is None else str(guild)
    if isinstance(channel, discord.Thread):
        return Channel(NAME, str(channel.parent_id), thread=str(channel.id), guild=guild_id)
    id_ = channel.id if isinstance(channel, discord.abc.Snowflake) else 0
    return Channel(NAME, str(id_), guild=guild_id, private=guild is None)


def channel_of(message: discord.Message) -> Channel:
    """Return a message's channel; only one without a guild is private."""
    if message.guild is not None:
        return channel_of_id(message.channel, message.guild.id)
    if isinstance(message.channel, discord.PartialMessageable):  # of a guild that is not known yet
        return channel_of_id(message.channel, message.channel.guild_id)
    return channel_of_id(message.channel, None)


def author(user: discord.abc.User, me: int) -> Author:
    """Convert a user. `me`: dann's id. Without a member, as for webhooks, there are no roles."""
    roles = user.roles if isinstance(user, discord.Member) else []
    ids = frozenset(str(role.id) for role in roles if not role.is_default())  # everybody has @everyone
    return Author(str(user.id), user.display_name, is_me=user.id == me, is_bot=user.bot, roles=ids)


def to_message(message: discord.Message, me: int) -> ChatMessage:
    """Convert a message."""
    sender = author(message.author, me)
    if message.webhook_id is not None and not sender.is_me:
        sender = Author(sender.id, sender.name, is_bot=True)
    reply_to = message.reference.message_id if message.reference and message.type is discord.MessageType.reply else None
    return ChatMessage(str(message.id), sender, text(message, me), message.created_at.timestamp(), str(reply_to or ""))


def text(message: discord.Message, me: int) -> str:
    """Return the text as a person reads it, without dann's name and without small print."""
    content = message.content
    if message.author.id == me:
        return render(f"\n{content}".partition(SMALL_PRINT)[0].strip())
    content = re.sub(rf"^\s*<@!?{me}>[ \t]*[,:]?", "", content)
    return render(re.sub(rf"[ \t]*<@!?{me}>", "", content).strip())


def reply_chain(message: discord.Message, me: int) -> tuple[ChatMessage, ...]:
    """Return the messages that this one replies to, oldest first, as far as at hand."""
    chain: list[ChatMessage] = []
    earlier = replied_to(message)
    while earlier and len(chain) < MAX_CHAIN:
        chain.append(to_message(earlier, me))
        earlier = replied_to(earlier)
    return tuple(reversed(chain))


def replied_to(message: discord.Message) -> discord.Message | None:
    """Return the message that this one replies to, if it was handed over or is cached."""
    if message.reference is None or message.type is not discord.MessageType.reply:
        return None
    resolved = message.reference.resolved
    return resolved if isinstance(resolved, discord.Message) else message.reference.cached_message


def is_addressed(message: discord.Message, me: int) -> bool:
    """Whether a message speaks to dann: in private, by a reply, or by a mention outside code, where it notifies."""
    if channel_of(message).private or re.search(rf"<@!?{me}>", _CODE.sub(" ", message.content)):
        return True
    original = replied_to(message)
    return original is not None and original.author.id == me


def is_addressed_to_others(message: discord.Message, me: int) -> bool:
    """Whether a message speaks to somebody else, by a mention or a reply."""
    to_somebody = message.raw_mentions or message.raw_role_mentions or replied_to(message)
    return bool(to_somebody) and not is_addressed(message, me)
