"""discord.py's messages as plain data: where, who, what a person reads, and what it answers. Sends nothing."""

import re

import discord

from bot.discord_bot.config import NAME
from bot.replies.types import Author, Channel, ChatMessage
from training.exports.discord.markup import plain

MAX_CHAIN = 20
"""How many messages of a reply chain are followed back; discord.py hands over one and remembers the newest thousand."""

SMALL_PRINT = "\n-# "
"""Discord's sign for small print: what stands behind it in dann's own messages is a footer, and nothing that was said."""

_CODE = re.compile(r"```.*?```|``.+?``|`[^`]+`", re.DOTALL)
_USER_TYPES = frozenset(
    {discord.MessageType.default, discord.MessageType.reply, discord.MessageType.chat_input_command}
)


def is_user_message(message: discord.Message) -> bool:
    """Whether somebody said it: no notice of a join or a pin, and no answer that is still "thinking"."""
    return message.type in _USER_TYPES and not message.flags.loading


def channel_of_id(channel: object, guild: int | None) -> Channel:
    """Where a channel is; a thread belongs to its channel, so that lists of channels count for it too."""
    in_guild = "" if guild is None else str(guild)
    if isinstance(channel, discord.Thread):
        return Channel(NAME, str(channel.parent_id), thread=str(channel.id), guild=in_guild)
    id_ = channel.id if isinstance(channel, discord.abc.Snowflake) else 0
    return Channel(NAME, str(id_), guild=in_guild, private=guild is None)


def channel_of(message: discord.Message) -> Channel:
    """Where a message is. Only Discord's own word that there is no guild makes it private."""
    if message.guild is not None:
        return channel_of_id(message.channel, message.guild.id)
    if isinstance(message.channel, discord.PartialMessageable):  # of a guild that is not known yet
        return channel_of_id(message.channel, message.channel.guild_id)
    return channel_of_id(message.channel, None)


def author(user: discord.abc.User, me: int) -> Author:
    """Who that is. `me`: dann's id. A message without a member, as a webhook's is, has no roles."""
    held = user.roles if isinstance(user, discord.Member) else []
    roles = frozenset(str(role.id) for role in held if not role.is_default())  # @everyone says nothing
    return Author(str(user.id), user.display_name, is_me=user.id == me, is_bot=user.bot, roles=roles)


def to_message(message: discord.Message, me: int) -> ChatMessage:
    """A message as the conversation has it."""
    who = author(message.author, me)
    if message.webhook_id is not None and not who.is_me:
        who = Author(who.id, who.name, is_bot=True)
    answered = message.reference.message_id if message.reference and message.type is discord.MessageType.reply else None
    return ChatMessage(str(message.id), who, text(message, me), message.created_at.timestamp(), str(answered or ""))


def text(message: discord.Message, me: int) -> str:
    """What a person reads: dann's name is taken out, and so is the small print under dann's own words."""
    content = message.content
    if message.author.id == me:
        return plain(f"\n{content}".partition(SMALL_PRINT)[0].strip())
    content = re.sub(rf"^\s*<@!?{me}>[ \t]*[,:]?", "", content)
    return plain(re.sub(rf"[ \t]*<@!?{me}>", "", content).strip())


def reply_chain(message: discord.Message, me: int) -> tuple[ChatMessage, ...]:
    """The messages that this one answers, oldest first, as far as they are at hand."""
    found: list[ChatMessage] = []
    earlier = replied_to(message)
    while earlier and len(found) < MAX_CHAIN:
        found.append(to_message(earlier, me))
        earlier = replied_to(earlier)
    return tuple(reversed(found))


def replied_to(message: discord.Message) -> discord.Message | None:
    """The message that this one answers, if it is still there and was handed over or is remembered."""
    if message.reference is None or message.type is not discord.MessageType.reply:
        return None
    resolved = message.reference.resolved
    return resolved if isinstance(resolved, discord.Message) else message.reference.cached_message


def is_addressed(message: discord.Message, me: int) -> bool:
    """Whether dann is spoken to: in private, by a mention outside of code (there it notifies nobody), or by a reply."""
    if channel_of(message).private or re.search(rf"<@!?{me}>", _CODE.sub(" ", message.content)):
        return True
    answered = replied_to(message)
    return answered is not None and answered.author.id == me


def is_addressed_to_others(message: discord.Message, me: int) -> bool:
    """Whether somebody else is spoken to, by a mention or a reply."""
    return bool(message.raw_mentions or message.raw_role_mentions or replied_to(message)) and not is_addressed(
        message, me
    )
