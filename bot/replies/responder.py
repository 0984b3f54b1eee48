"""Mention to Reply, the same on every platform: who is answered, what the network reads, and what may be shown of it.

Everything here runs on the event loop and nothing blocks it; the engine works elsewhere. What is under way is kept, so that a
message which is deleted meanwhile is not answered, and stopping waits for it. Knows no platform's client and no files.
"""

import logging
import math
import secrets
import time
from collections.abc import Callable

from bot.config import BotSettings
from bot.replies import phrases
from bot.replies.context import conversation, speakers, turns
from bot.replies.generate import Drawn, Engine, draw
from bot.replies.history import Memory
from bot.replies.in_flight import UnderWay
from bot.replies.permissions import Gate
from bot.replies.stats import Outcome, Tally
from bot.replies.ttl_set import Recent
from bot.replies.types import Asked, Author, Mention, Orders, Place, Reply, Said
from bot.replies.unprompted import Remarks
from model.engine.engine import EngineFull
from model.errors import DannError

log = logging.getLogger("dann")

EVENT_SECONDS = 600.0
"""How long an event is known as answered: longer than a lost connection takes to be resumed."""
NOTICE_SECONDS = 60.0
"""At most one line a person in this time says why there is no answer."""
LONGEST_WAIT = 60
"""The most seconds that anybody is told to wait for a full queue."""


class Responder:
    """Answer mentions from one engine on every platform (`Answers` in types.py); owners' commands go to `orders`."""

    def __init__(
        self,
        engine: Engine,
        settings: BotSettings,
        orders: Orders,
        *,
        remarks: Remarks | None = None,
        tally: Tally | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        bot = settings.bot
        self._engine = engine
        self._config = bot
        self._persona = settings.persona.name
        self._params = settings.sample
        self._clock = clock
        self._under_way: UnderWay[Drawn] = UnderWay()
        self._tally = tally or Tally()
        self._orders = orders
        self._gate = Gate(bot)
        self._memory = Memory(bot.history_messages, bot.history_minutes * 60, bot.history_places)
        self._remarks = remarks or Remarks(bot.remarks)
        self._events = Recent(EVENT_SECONDS, clock)
        self._cooldown = Recent(bot.cooldown_seconds, clock)
        self._notices = Recent(NOTICE_SECONDS, clock)
        self._last_took = 1.0
        self._stopping = False

    def heard(self, place: Place, said: Said) -> None:
        """Remember what was said."""
        self._gate.heard(place, said)
        self._memory.hear(place, said)

    def edited(self, place: Place, id_: str, text: str) -> None:
        """Remember it as it reads now."""
        self._memory.edit(place, id_, text)

    def deleted(self, place: Place, id_: str) -> None:
        """Forget it, and stop answering it."""
        self._memory.delete(place, id_)
        self._under_way.end((place, id_))

    async def answer(self, mention: Mention) -> Reply | None:
        """What to send, or None. While paused it says so: once a minute to a person, as with every refusal."""
        began, outcome = self._clock(), Outcome.DROPPED
        try:
            reply, outcome = await self._settled(mention)
            return reply
        finally:  # also where whoever asked waits no more
            self._tally.count(mention.place.platform, outcome, self._clock() - began)

    async def remark(self, place: Place, said: Said, *, addressed: bool) -> Reply | None:
        """Something unasked, or None; a full queue or an error is no reason to say anything."""
        if self._orders.paused or not self._remarks.wanted(place, said, addressed=addressed):
            return None
        if not self._is_news(place, said) or not self._gate.admits(place, said.author):
            return None
        began = self._clock()
        try:
            if reply := await self._reply(Mention(place, said)):
                self._tally.count(place.platform, Outcome.REMARKED, self._clock() - began)
            return reply
        except EngineFull:
            return None
        except Exception:
            log.exception("a remark on %s could not be made", place.platform)
            return None

    async def admin(self, place: Place, author: Author, command: str, argument: str) -> Reply:
        """Do what an owner orders; anybody else is told that only owners may."""
        if not self._gate.is_owner(place, author):
            return refusal(phrases.OWNERS_ONLY)
        try:
            return Reply(await self._orders.do(command, argument), private=True)
        except DannError as error:
            return refusal(str(error))
        except Exception:
            log.exception("/dann-admin could not be done")
            return refusal(phrases.FAILED)

    async def drain(self, seconds: float) -> None:
        """Take no more mentions, and wait up to `seconds` for what is under way; what takes longer is given up."""
        self._stopping = True
        await self._under_way.drain(seconds)

    async def _settled(self, mention: Mention) -> tuple[Reply | None, Outcome]:
        """What to send to a mention, and what has become of it."""
        place, author = mention.place, mention.said.author
        user = (place.platform, author.id)
        if not self._is_news(place, mention.said) or not self._gate.admits(place, author):
            return None, Outcome.IGNORED
        if self._orders.paused:
            return self._refusal(place, author, phrases.PAUSED), Outcome.PAUSED
        if (left := self._cooldown.left(user)) and not self._gate.is_owner(place, author):
            return self._refusal(place, author, phrases.wait(math.ceil(left))), Outcome.COOLDOWN
        self._cooldown.mark(user)
        try:
            reply = await self._reply(mention)
            return reply, Outcome.ANSWERED if reply else Outcome.DROPPED
        except EngineFull:
            self._cooldown.forget(user)
            return self._refusal(place, author, phrases.busy(self._wait_seconds())), Outcome.BUSY
        except Exception:
            log.exception("a mention on %s could not be answered", place.platform)
            return None if author.is_bot else refusal(phrases.FAILED), Outcome.FAILED

    async def _reply(self, mention: Mention) -> Reply | None:
        """Draw what to say; None where the message was deleted meanwhile, or stopping took too long."""
        said = conversation(self._memory, mention)
        asked = mention.asked or Asked("", self._params)
        seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
        people = said[:-1] if mention.asked else said  # what `/dann` answers must not depend on who asks
        names = speakers(self._persona, people)
        draws, links = self._config.draws, self._config.links
        drawing = draw(self._engine, turns(said), asked.params, seed, names=names, draws=draws, links=links)
        began = self._clock()
        drawn = await self._under_way.run((mention.place, mention.said.id), drawing)
        if drawn is None or self._memory.is_deleted(mention.place, mention.said.id):
            return None
        self._last_took = self._clock() - began
        return Reply(drawn.text, footer=self._footer(asked, seed, drawn) if mention.asked else "")

    def _is_news(self, place: Place, said: Said) -> bool:
        """Whether this event is to be looked at: not while stopping, not twice, and not once it was deleted."""
        event = (place, said.id)
        if self._stopping or self._events.left(event) or self._memory.is_deleted(place, said.id):
            return False
        self._events.mark(event)
        return True

    def _refusal(self, place: Place, author: Author, line: str) -> Reply | None:
        """Say why there is no answer, unless this was said within the minute; bots are not told, as they answer back."""
        user = (place.platform, author.id)
        if author.is_bot or self._notices.left(user):
            return None
        self._notices.mark(user)
        return refusal(line)

    def _wait_seconds(self) -> int:
        """How long a full queue takes: as long as the last answer did, which stood in it too."""
        return min(LONGEST_WAIT, max(1, math.ceil(self._last_took)))

    def _footer(self, asked: Asked, seed: int, drawn: Drawn) -> str:
        """What must be asked for to get the same text again, and from which checkpoint; "" where no footer is wanted."""
        if not self._config.footer:
            return ""
        options = {"temp": asked.params.temperature, "top_p": asked.params.top_p, "length": asked.params.max_tokens}
        usual = {"top_p": self._params.top_p, "length": self._params.max_tokens}
        told = [f"{name}={value:.12g}" for name, value in options.items() if value != usual.get(name)]
        return f"{' '.join(told)} seed={seed} · checkpoint {drawn.checkpoint}"


def refusal(line: str) -> Reply:
    """A line that says why there is no answer, for the asker alone."""
    return Reply(line, private=True, refused=True)
