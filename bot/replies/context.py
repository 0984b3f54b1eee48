"""What the network reads before it answers: a mention and what was said before it, as the turns it was trained on.

Knows the memory of the place where the mention was made, and no other; no network and no platform.
"""

from collections.abc import Iterable, Sequence

from bot.replies.history import Memory
from bot.replies.sanitize import BREAK
from bot.replies.types import Mention, Place, Said
from model.engine.engine import Turn


def conversation(memory: Memory, mention: Mention) -> list[Said]:
    """Return what to answer, oldest first and once each: the reply chain, what was said here lately, the mention itself.

    A message of the chain that was also said lately stands in its place in time, so that the network reads it as it went.
    `/dann` reads its words, and what they were sent in reply to, and nothing else: with the seed below it anybody can get
    the same text again, whatever was said meanwhile. The network reads the newest part of what is too long.
    """
    if mention.asked:
        asked = Said(mention.said.id, mention.said.author, mention.asked.prompt, mention.said.time)
        return [*_once(mention.chain, without=asked.id), asked]
    known = {one.id: one for one in memory.before(mention.place, mention.said)}
    chain = [known.get(one.id, one) for one in _whole_chain(memory, mention.place, mention.said, mention.chain)]
    # What was heard comes first: Telegram's times are whole seconds, and messages of one second stay as they were heard.
    said = _once([*known.values(), *chain], without=mention.said.id)
    return [*sorted(said, key=lambda one: one.time), mention.said]


def turns(said: Iterable[Said]) -> list[Turn]:
    """Return the messages as the network was trained on them; those without words are left out, as they were there."""
    read = (Turn(one.author.is_me, _words(one)) for one in said)
    return [turn for turn in read if turn.text]


def speakers(persona: str, said: Iterable[Said]) -> list[str]:
    """Return the names of who takes part, the persona first."""
    return [persona, *dict.fromkeys(one.author.name for one in said if not one.author.is_me and one.author.name)]


def _whole_chain(memory: Memory, place: Place, said: Said, chain: Sequence[Said]) -> list[Said]:
    """The chain, and what its first message answered as far as that is remembered: Telegram hands over one message."""
    whole = list(chain)
    seen = {said.id} | {one.id for one in chain}
    answered = (whole[0] if whole else said).reply_to
    while answered not in seen and (found := memory.find(place, answered)):
        whole.insert(0, found)
        seen.add(found.id)
        answered = found.reply_to
    return whole


def _once(said: Iterable[Said], without: str) -> list[Said]:
    return list({one.id: one for one in said if one.id != without}.values())


def _words(said: Said) -> str:
    """What a message reads as; dann's own without what keeps its mentions from reaching anybody."""
    return (said.text.replace(BREAK, "") if said.author.is_me else said.text).strip()
