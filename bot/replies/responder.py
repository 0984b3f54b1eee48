"""From a Mention to a Reply, the same on every platform.

Runs on the event loop and never blocks it; the engine works in its own thread. Replies in flight are tracked, so that a
message deleted meanwhile is not answered, and stopping waits for them. Knows no platform's client and no files.
"""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from bot.config import BotSettings
from bot.replies import phrases
from bot.replies.context import conversation_to_answer, speaker_names, to_turns
from bot.replies.generate import DrawnReply, EngineLike, draw
from bot.replies.history import History
from bot.replies.in_flight import InFlight
from bot.replies.options import OPTIONS
from bot.replies.permissions import Permissions
from bot.replies.stats import Outcome, ReplyStats
from bot.replies.ttl_set import TTLSet
from bot.replies.types import (
    Author,
    Channel,
    ChatMessage,
    Command,
    Mention,
    NoPrivacy,
    Orders,
    PrivacyOrders,
    Reply,
    Send,
)
from bot.replies.unprompted import UnpromptedRemarks
from model.engine.engine import CheckpointWithdrawn, EngineFull
from model.errors import DannError

log = logging.getLogger("dann")

EVENT_SECONDS = 600.0
"""How long an event is remembered as seen: longer than a lost connection takes to be resumed."""
NOTICE_SECONDS = 60.0
"""A person gets at most one refusal in this time."""
LOOKUP_SECONDS = 3.0
"""Between two `/dann-privacy` of one person, each of which reads the store."""
LONGEST_WAIT = 60
"""The most seconds that anybody is asked to wait for a full queue."""


class Responder:
    """Answers mentions on every platform (`Replier` in types.py).

    `orders` runs `/dann-admin`; `privacy` runs `/dann-privacy`, and knows who is ignored.
    """

    def __init__(
        self,
        engine: EngineLike,
        settings: BotSettings,
        orders: Orders,
        *,
        privacy: PrivacyOrders | None = None,
        remarks: UnpromptedRemarks | None = None,
        stats: ReplyStats | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        bot = settings.bot
        self._engine = engine
        self._config = bot
        self._persona = settings.persona.name
        self._params = settings.sample
        self._clock = clock
        self._in_flight: InFlight[DrawnReply] = InFlight()
        self._stats = stats or ReplyStats()
        self._orders = orders
        self._privacy = privacy or NoPrivacy()
        self._sending: dict[asyncio.Future[None], str] = {}
        self._withdrawn: frozenset[str] = frozenset()
        self._permissions = Permissions(bot)
        self._history = History(bot.history_messages, bot.history_minutes * 60, bot.history_places)
        self._remarks = remarks or UnpromptedRemarks(bot.remarks)
        self._events = TTLSet(EVENT_SECONDS, clock)
        self._cooldown = TTLSet(bot.cooldown_seconds, clock)
        self._notices = TTLSet(NOTICE_SECONDS, clock)
        self._mistakes = TTLSet(bot.cooldown_seconds, clock)
        self._lookups = TTLSet(LOOKUP_SECONDS, clock)
        self._last_seconds = 1.0
        self._stopping = False

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        """Remember a message, unless its author is ignored."""
        if self._privacy.ignores(channel, message.author):
            return
        self._permissions.on_message(channel, message)
        self._history.add(channel, message)

    def on_edit(self, channel: Channel, id_: str, text: str) -> None:
        """Update a message's text."""
        self._history.edit(channel, id_, text)

    def on_delete(self, channel: Channel, id_: str) -> None:
        """Forget a message, and cancel the reply to it."""
        self._history.delete(channel, id_)
        self._in_flight.cancel((channel, id_))

    async def answer(self, mention: Mention) -> Reply | None:
        """Return the reply to send, or None. Refusals, also while paused, go to each person once a minute."""
        start, outcome = self._clock(), Outcome.DROPPED
        try:
            reply, outcome = await self._answer_or_refuse(mention)
            return reply
        finally:  # also where the platform stops waiting
            self._stats.count(mention.channel.platform, outcome, self._clock() - start)

    def refuse(self, channel: Channel, author: Author, line: str) -> Reply | None:
        """Return the line that says why a command is not run, once per cooldown; None for whom dann does not answer."""
        if self._stopping or author.is_bot or self._privacy.ignores(channel, author):
            return None
        if not self._permissions.admits(channel, author):
            return None
        if self._orders.paused and not self._permissions.is_owner(channel, author):
            return self._refusal(channel, author, phrases.PAUSED)
        return refusal(line) if self._mistakes.add((channel.platform, author.id)) else None

    async def remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> Reply | None:
        """Return an unasked remark, or None; also where the queue is full or drawing fails."""
        if self._orders.paused or not self._remarks.should_remark(channel, message, addressed=addressed):
            return None
        ignored = self._privacy.ignores(channel, message.author)
        if ignored or not self._is_new_event(channel, message) or not self._permissions.admits(channel, message.author):
            return None
        start = self._clock()
        try:
            if (reply := await self._reply(Mention(channel, message))) and not reply.refused:
                self._stats.count(channel.platform, Outcome.REMARKED, self._clock() - start)
                return reply
            return None
        except EngineFull:
            return None
        except Exception:
            log.exception("a remark on %s could not be made", channel.platform)
            return None

    async def deliver(self, reply: Reply, send: Send) -> None:
        """Send a reply, or a neutral line where its checkpoint was withdrawn before all of it was sent."""
        if reply.checkpoint in self._withdrawn:
            reply = refusal(phrases.NEUTRAL)
        sending = asyncio.ensure_future(send(reply))
        if not reply.checkpoint:
            await sending
            return
        self._sending[sending] = reply.checkpoint
        try:
            await asyncio.wait([sending])
        finally:  # who waits may be cancelled too
            sending.cancel()
            del self._sending[sending]
        if not sending.cancelled():
            sending.result()
        elif reply.checkpoint in self._withdrawn:
            await send(refusal(phrases.NEUTRAL))

    async def withdraw(self, checkpoints: Collection[str]) -> None:
        """Send nothing more that these checkpoints drew, and forget what was said, as they may have said it.

        The engine has ended the replies that they draw; this returns when none of theirs is being sent either.
        """
        self._history.clear()
        self._withdrawn = frozenset(checkpoints)
        if sending := [task for task, drawn_by in self._sending.items() if drawn_by in self._withdrawn]:
            for task in sending:
                task.cancel()
            await asyncio.wait(sending)

    async def privacy(self, channel: Channel, author: Author, command: str) -> Reply:
        """Run a person's command for themselves."""
        if author.is_bot or author.is_me:
            return refusal(phrases.PEOPLE_ONLY)
        if left := self._lookups.remaining((channel.platform, author.id)):
            return refusal(phrases.wait(math.ceil(left)))
        self._lookups.mark((channel.platform, author.id))
        try:
            said = await self._privacy.run(channel, author, command)
        except DannError as error:
            return refusal(str(error))
        except Exception:
            log.exception("/dann-privacy could not be done")
            return refusal(phrases.FAILED)
        if self._privacy.ignores(channel, author):
            self._history.forget_author(channel.platform, author.id)
        return Reply(said, private=True)

    async def admin(self, channel: Channel, author: Author, command: str, argument: str) -> Reply:
        """Run an owner's command; refuse anybody else."""
        if not self._permissions.is_owner(channel, author):
            return refusal(phrases.OWNERS_ONLY)
        try:
            return Reply(await self._orders.run(command, argument), private=True)
        except DannError as error:
            return refusal(str(error))
        except Exception:
            log.exception("/dann-admin could not be done")
            return refusal(phrases.FAILED)

    async def drain(self, seconds: float) -> None:
        """Take no more mentions, wait up to `seconds` for replies in flight, then cancel them."""
        self._stopping = True
        await self._in_flight.drain(seconds)

    async def _answer_or_refuse(self, mention: Mention) -> tuple[Reply | None, Outcome]:
        """Return the reply to a mention, and its outcome."""
        channel, author = mention.channel, mention.message.author
        user = (channel.platform, author.id)
        listened_to = self._is_new_event(channel, mention.message) and not self._privacy.ignores(channel, author)
        if not listened_to or not self._permissions.admits(channel, author):
            return None, Outcome.IGNORED
        if self._orders.paused:
            return self._refusal(channel, author, phrases.PAUSED), Outcome.PAUSED
        if (left := self._cooldown.remaining(user)) and not self._permissions.is_owner(channel, author):
            return self._refusal(channel, author, phrases.wait(math.ceil(left))), Outcome.COOLDOWN
        self._cooldown.mark(user)
        try:
            reply = await self._reply(mention)
            return reply, Outcome.ANSWERED if reply else Outcome.DROPPED
        except EngineFull:
            self._cooldown.forget(user)
            return self._refusal(channel, author, phrases.busy(self._wait_seconds())), Outcome.BUSY
        except Exception:
            log.exception("a mention on %s could not be answered", channel.platform)
            return None if author.is_bot else refusal(phrases.FAILED), Outcome.FAILED

    async def _reply(self, mention: Mention) -> Reply | None:
        """Draw a reply; None where the message was deleted meanwhile, or dann stopped. A neutral line if nothing serves."""
        chain = tuple(one for one in mention.chain if not self._privacy.ignores(mention.channel, one.author))
        messages = conversation_to_answer(self._history, replace(mention, chain=chain))
        command = mention.command or Command("", self._params)
        seed = secrets.randbelow(2**32) if command.seed is None else command.seed
        people = messages[:-1] if mention.command else messages  # the reply to `/dann` must not depend on who asks
        names = speaker_names(self._persona, people)
        draws, links = self._config.draws, self._config.links
        turns, way = to_turns(messages), mention.channel.platform
        drawing = draw(self._engine, turns, command.params, seed, names=names, draws=draws, links=links, way=way)
        start = self._clock()
        try:
            drawn = await self._in_flight.run((mention.channel, mention.message.id), drawing)
        except CheckpointWithdrawn:
            return refusal(phrases.NEUTRAL)
        if drawn is None or self._history.is_deleted(mention.channel, mention.message.id):
            return None
        self._last_seconds = self._clock() - start
        if drawn.filtered:
            return refusal(phrases.NEUTRAL)
        footer = self._footer(command, seed, drawn) if mention.command else ""
        return Reply(drawn.text, footer=footer, checkpoint=drawn.checkpoint)

    def _is_new_event(self, channel: Channel, message: ChatMessage) -> bool:
        """Whether to handle this event: not while stopping, not twice, not once deleted."""
        if self._stopping or self._history.is_deleted(channel, message.id):
            return False
        return self._events.add((channel, message.id))

    def _refusal(self, channel: Channel, author: Author, line: str) -> Reply | None:
        """Return why there is no answer, once a minute; bots are not told, as they answer back."""
        return None if author.is_bot or not self._notices.add((channel.platform, author.id)) else refusal(line)

    def _wait_seconds(self) -> int:
        """Estimate how long a full queue takes: as long as the last reply, which waited in it too."""
        return min(LONGEST_WAIT, max(1, math.ceil(self._last_seconds)))

    def _footer(self, command: Command, seed: int, drawn: DrawnReply) -> str:
        """Return the options that give the same text again, and the checkpoint; "" if switched off."""
        if not self._config.footer:
            return ""
        values, defaults = command.params.model_dump(), self._params.model_dump()
        shown = [
            f"{option.name}={values[option.field]:.12g}"
            for option in OPTIONS
            if option.field and (option.field == "temperature" or values[option.field] != defaults[option.field])
        ]
        return f"{' '.join(shown)} seed={seed} · checkpoint {drawn.checkpoint}"


def refusal(line: str) -> Reply:
    """Build a reply that says why there is no answer, for the asker alone."""
    return Reply(line, private=True, refused=True)
