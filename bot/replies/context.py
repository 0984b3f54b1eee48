"""What the network reads before it answers: a mention and what was said before it, as the turns it was trained on.

Knows the memory of the place where the mention was made, and no other; no network and no platform.
"""

from collections.abc import Iterable, Sequence

from bot.replies.history import History
from bot.replies.sanitize import ZERO_WIDTH_SPACE
from bot.replies.types import Channel, ChatMessage, Mention
from model.engine.engine import Turn


def conversation_to_answer(memory: History, mention: Mention) -> list[ChatMessage]:
    """Return what to answer, oldest first and once each: the reply chain, what was said here lately, the mention itself.

    A message of the chain that was also said lately stands in its place in time, so that the network reads it as it went.
    `/dann` reads its words, and what they were sent in reply to, and nothing else: with the seed below it anybody can get
    the same text again, whatever was said meanwhile. The network reads the newest part of what is too long.
    """
    if mention.command:
        command = ChatMessage(mention.message.id, mention.message.author, mention.command.prompt, mention.message.time)
        return [*_without_repeats(mention.chain, without=command.id), command]
    known = {one.id: one for one in memory.before(mention.channel, mention.message)}
    chain = [known.get(one.id, one) for one in _whole_chain(memory, mention.channel, mention.message, mention.chain)]
    # What was heard comes first: Telegram's times are whole seconds, and messages of one second stay as they were heard.
    message = _without_repeats([*known.values(), *chain], without=mention.message.id)
    return [*sorted(message, key=lambda one: one.time), mention.message]


def to_turns(message: Iterable[ChatMessage]) -> list[Turn]:
    """Return the messages as the network was trained on them; those without words are left out, as they were there."""
    read = (Turn(one.author.is_me, _text(one)) for one in message)
    return [turn for turn in read if turn.text]


def speaker_names(persona: str, message: Iterable[ChatMessage]) -> list[str]:
    """Return the names of who takes part, the persona first."""
    return [persona, *dict.fromkeys(one.author.name for one in message if not one.author.is_me and one.author.name)]


def _whole_chain(
    memory: History, channel: Channel, message: ChatMessage, chain: Sequence[ChatMessage]
) -> list[ChatMessage]:
    """The chain, and what its first message answered as far as that is remembered: Telegram hands over one message."""
    whole = list(chain)
    seen = {message.id} | {one.id for one in chain}
    answered = (whole[0] if whole else message).reply_to
    while answered not in seen and (found := memory.find(channel, answered)):
        whole.insert(0, found)
        seen.add(found.id)
        answered = found.reply_to
    return whole


def _without_repeats(message: Iterable[ChatMessage], without: str) -> list[ChatMessage]:
    return list({one.id: one for one in message if one.id != without}.values())


def _text(message: ChatMessage) -> str:
    """What a message reads as; dann's own without what keeps its mentions from reaching anybody."""
    return (message.text.replace(ZERO_WIDTH_SPACE, "") if message.author.is_me else message.text).strip()
