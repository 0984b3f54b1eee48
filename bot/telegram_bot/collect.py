"""Convert a message on Telegram to a post.

By the rules and with the ids of Telegram's exports, so that either may come first. That works in supergroups alone, whose
messages have one number for everybody. In private chats and small groups each member counts on their own: a message would be
stored again, under another number, by the next import.
"""

from telegram import Message

from bot.telegram_bot.convert import begins_with_command, replied_to, without_names
from training.exports.common import message_text
from training.store.post import Post

SOURCE = "telegram-live"
_FIRST_SUPERGROUP = -1_000_000_000_000
"""The Bot API counts supergroups down from here, exports up from 0."""


def post_id(message: Message) -> str:
    """Return the id that a supergroup's message has in the store."""
    return f"{_chat(message)}:{message.message_id}"


def post_of(message: Message) -> Post | None:
    """Return the author's own words as a post; None for a notice, a forward, a command, a picture or a bare link."""
    text = message_text.clean(without_names(message))
    foreign = message.forward_origin or message.via_bot or message.sender_chat
    if foreign or begins_with_command(message) or message_text.reason_to_drop(text):
        return None
    original = replied_to(message)
    return Post(
        id=post_id(message),
        channel=f"{_chat(message)}:{message.message_thread_id}" if message.is_topic_message else _chat(message),
        mine=True,
        time=message.date.timestamp(),
        text=text,
        reply_to=post_id(original) if original and original.chat.id == message.chat.id else None,
        edited=message.edit_date.timestamp() if message.edit_date else None,
        source=SOURCE,
    )


def _chat(message: Message) -> str:
    return f"telegram:{_FIRST_SUPERGROUP - message.chat.id}"
