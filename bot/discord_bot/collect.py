"""Convert a message on Discord to a post, by the rules and with the ids of Discord's exports: either may come first."""

import discord

from training.exports.common import message_text
from training.exports.discord.markup import render, without_quote
from training.store.post import Post

SOURCE = "discord-live"
_USER_TYPES = frozenset({discord.MessageType.default, discord.MessageType.reply})


def post_id(message: int) -> str:
    """Return the id that a message has in the store."""
    return f"discord:{message}"


def post_of(message: discord.Message) -> Post | None:
    """Return the author's own words as a post; None for a notice, a forward, a quote, a command, a picture or a bare link."""
    text = message_text.clean(without_quote(message_text.clean(render(message.content))))
    foreign = message.type not in _USER_TYPES or message.webhook_id or message.message_snapshots
    if foreign or message_text.reason_to_drop(text):
        return None
    replied_to = message.reference.message_id if message.reference else None
    return Post(
        id=post_id(message.id),
        channel=f"discord:{message.channel.id}",
        mine=True,
        time=message.created_at.timestamp(),
        text=text,
        reply_to=post_id(replied_to) if replied_to else None,
        edited=message.edited_at.timestamp() if message.edited_at else None,
        source=SOURCE,
    )
