"""Build the network's input: a mention and the messages before it, as turns.

Knows the history of the mention's own channel and no other; no network and no platform.
"""

from collections.abc import Iterable, Sequence

from bot.replies.history import History
from bot.replies.sanitize import ZERO_WIDTH_SPACE
from bot.replies.types import Channel, ChatMessage, Mention
from model.engine.engine import Turn


def conversation_to_answer(history: History, mention: Mention) -> list[ChatMessage]:
    """Return the messages to answer, oldest first: reply chain, recent messages, the mention.

    Each stands once; a message of the chain that is also recent stands at its place in time. `/dann` reads its own text and
    the chain alone: with the seed below it anybody can get the same text again, whatever was said meanwhile. The network
    reads the newest part of what is too long.
    """
    if mention.command:
        command = ChatMessage(mention.message.id, mention.message.author, mention.command.prompt, mention.message.time)
        return [*_without_repeats(mention.chain, without=command.id), command]
    known = {recent.id: recent for recent in history.before(mention.channel, mention.message)}
    chain = [
        known.get(link.id, link) for link in _whole_chain(history, mention.channel, mention.message, mention.chain)
    ]
    # Recent messages first: Telegram's times are whole seconds, and messages of one second stay in order of arrival.
    messages = _without_repeats([*known.values(), *chain], without=mention.message.id)
    return [*sorted(messages, key=lambda message: message.time), mention.message]


def to_turns(messages: Iterable[ChatMessage]) -> list[Turn]:
    """Convert messages to turns as in training; those without text are left out, as there."""
    turns = (Turn(message.author.is_me, _text(message)) for message in messages)
    return [turn for turn in turns if turn.text]


def speaker_names(persona: str, messages: Iterable[ChatMessage]) -> list[str]:
    """Return the names of those who take part, the persona first."""
    authors = (message.author for message in messages)
    return [persona, *dict.fromkeys(author.name for author in authors if not author.is_me and author.name)]


def _whole_chain(
    history: History, channel: Channel, message: ChatMessage, chain: Sequence[ChatMessage]
) -> list[ChatMessage]:
    """Extend the chain by remembered messages: Telegram hands over only one."""
    whole = list(chain)
    seen = {message.id} | {link.id for link in chain}
    reply_to = (whole[0] if whole else message).reply_to
    while reply_to not in seen and (earlier := history.find(channel, reply_to)):
        whole.insert(0, earlier)
        seen.add(earlier.id)
        reply_to = earlier.reply_to
    return whole


def _without_repeats(messages: Iterable[ChatMessage], without: str) -> list[ChatMessage]:
    return list({message.id: message for message in messages if message.id != without}.values())


def _text(message: ChatMessage) -> str:
    """Return the text as the network reads it: dann's own without zero-width spaces."""
    return (message.text.replace(ZERO_WIDTH_SPACE, "") if message.author.is_me else message.text).strip()
