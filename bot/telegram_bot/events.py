"""Handle Telegram's updates: pass messages on, reply to mentions, collect posts.

Each message is passed on before anything waits, so that a conversation keeps its order; then each has a task of its own, so
that a slow reply holds up nobody. Knows no network.
"""

import logging
import time
from functools import partial

from telegram import Message, Update
from telegram.constants import ChatType
from telegram.ext import ContextTypes

from bot.config import BotSettings
from bot.replies import phrases
from bot.replies.options import parse_command
from bot.replies.ttl_set import TTLSet
from bot.replies.types import Author, Channel, ChatMessage, Command, Mention, Replier, Reply
from bot.serving.collect import Collector
from bot.telegram_bot import collect
from bot.telegram_bot.commands import CommandKind, command_name, read_command
from bot.telegram_bot.convert import MessageReader, channel_of, is_user_message, message_id
from bot.telegram_bot.send import Sender
from model.errors import DannError

MAX_AGE_SECONDS = 300
"""An older message was written while dann was away: it is read, but a reply would startle."""
DUPLICATE_SECONDS = 3600.0
"""How long an update is remembered, should Telegram send it again."""
BUG = "this is a bug in dann; please report it with these lines"

logger = logging.getLogger("dann.telegram")


async def log_failure(_update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Log what got past everything else; python-telegram-bot's error handler."""
    logger.error(BUG, exc_info=context.error)


class TelegramEvents:
    """Handles one update after the other."""

    def __init__(
        self, settings: BotSettings, replier: Replier, reader: MessageReader, sender: Sender, collector: Collector
    ) -> None:
        self._replier = replier
        self._reader = reader
        self._sender = sender
        self._collector = collector
        self._command = command_name(settings.persona.name)
        self._params = settings.sample
        self._seen = TTLSet(DUPLICATE_SECONDS)
        self._albums = TTLSet(DUPLICATE_SECONDS)
        self._warned_late = False

    async def on_update(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Handle an update; python-telegram-bot's callback."""
        if not self._seen.add(update.update_id):
            return
        self._collect(update)
        if update.edited_message is not None and is_user_message(update.edited_message):
            self._on_edit(update.edited_message)
        elif update.message is not None and is_user_message(update.message):
            await self._on_message(update.message)

    def _collect(self, update: Update) -> None:
        """Collect the owner's message, and drop it where an edit left no words; bots hear of no deletions."""
        message = update.edited_message or update.message
        if message is None or message.chat.type != ChatType.SUPERGROUP:  # elsewhere an export has another number
            return
        author = self._reader.author(message)
        if not self._collector.wants(channel_of(message), author):
            return
        if post := collect.post_of(message):
            self._collector.add(post, author)
        elif update.edited_message is not None:
            self._collector.forget(collect.post_id(message))

    async def _on_message(self, message: Message) -> None:
        channel, late, (kind, text) = channel_of(message), self._is_late(message), self._read_command(message)
        if kind is CommandKind.FOREIGN:
            return
        if kind is CommandKind.PRIVACY:  # also when it is late: it was meant
            await self._run_privacy(message, channel, text)
            return
        if kind is CommandKind.ADMIN:
            if not late:
                await self._run_admin(message, channel, text)
            return
        converted, request, refusal = self._parse(message, kind, text)
        addressed = kind is not CommandKind.MESSAGE or self._reader.is_addressed(message)
        if addressed or converted.text:  # a picture without words that is shown to others has nothing to read
            self._replier.on_message(channel, converted)
        if late or (addressed and self._is_rest_of_album(message)):
            return
        if refusal:
            await self._refuse(message, channel, converted.author, refusal)
        elif addressed:
            await self._answer(message, Mention(channel, converted, self._reader.chain(message), request))
        elif converted.text:
            await self._remark(message, channel, converted)

    def _read_command(self, message: Message) -> tuple[CommandKind, str]:
        return read_command(message, self._reader.text(message), self._reader.me.username or "", self._command)

    def _parse(self, message: Message, kind: CommandKind, text: str) -> tuple[ChatMessage, Command | None, str]:
        """Return the message without the command, the parsed `/dann`, and why it cannot be run."""
        if kind is not CommandKind.TALK:
            return self._reader.to_message(message, "" if kind is CommandKind.START else text), None, ""
        try:
            request = parse_command(text, self._params)
        except DannError as error:
            return self._reader.to_message(message, text), None, str(error)
        return self._reader.to_message(message, request.prompt), request, ""

    async def _answer(self, message: Message, mention: Mention) -> None:
        """Send a reply. An exception here is a bug: logged, with a plain line for the chat."""
        try:
            async with self._sender.typing(mention.channel):
                reply = await self._replier.answer(mention)
        except Exception:
            logger.exception(BUG)
            reply = Reply(phrases.FAILED, refused=True)
        if reply is not None:
            sending = partial(self._sender.send, mention.channel, to=message.message_id)
            await self._replier.deliver(reply, sending)

    async def _remark(self, message: Message, channel: Channel, converted: ChatMessage) -> None:
        reply = await self._replier.remark(channel, converted, addressed=self._reader.is_addressed_to_others(message))
        if reply is not None:
            await self._replier.deliver(reply, partial(self._sender.send, channel))

    async def _run_admin(self, message: Message, channel: Channel, text: str) -> None:
        """Handle `/dann_admin`; answer in the owner's private chat, or here before there is one."""
        author = self._reader.author(message)
        if author.is_bot:
            return
        command, _, argument = text.strip().partition(" ")
        reply = await self._replier.admin(channel, author, command.lower(), argument.strip())
        if reply.refused:
            await self._refuse(message, channel, author, reply.text)
        else:
            await self._send_to_author(message, channel, author, reply)

    async def _run_privacy(self, message: Message, channel: Channel, text: str) -> None:
        """Handle `/dann_privacy`; answer in the person's private chat, or here before there is one."""
        author = self._reader.author(message)
        if author.is_bot:
            return
        if (
            message.sender_chat is not None
        ):  # everybody who writes as it has the same id, and all in it would read the answer
            await self._refuse(message, channel, author, phrases.AS_YOURSELF)
            return
        reply = await self._replier.privacy(channel, author, text.strip() or "show")
        await self._send_to_author(message, channel, author, reply)

    async def _send_to_author(self, message: Message, channel: Channel, author: Author, reply: Reply) -> None:
        """Send to somebody's own chat with the bot, or here before there is one, or where they write as a group."""
        is_person = message.sender_chat is None
        if channel.private or not is_person or not await self._sender.send_privately(author.id, reply):
            await self._sender.send(channel, reply, message.message_id)

    async def _refuse(self, message: Message, channel: Channel, author: Author, why: str) -> None:
        """Send one line that says why a command is not run, where its author may be told."""
        if reply := self._replier.refuse(channel, author, why):
            await self._sender.send(channel, reply, message.message_id)

    def _on_edit(self, message: Message) -> None:
        """Pass on an edited text; it is not answered."""
        kind, text = self._read_command(message)
        if kind in {CommandKind.MESSAGE, CommandKind.TALK}:
            converted, _, _ = self._parse(message, kind, text)
            self._replier.on_edit(channel_of(message), message_id(message), converted.text)

    def _is_rest_of_album(self, message: Message) -> bool:
        """Whether another picture of this album was handled: each comes as its own message."""
        return message.media_group_id is not None and not self._albums.add(message.media_group_id)

    def _is_late(self, message: Message) -> bool:
        late = time.time() - message.date.timestamp() > MAX_AGE_SECONDS
        if late and not self._warned_late:
            self._warned_late = True
            logger.warning(
                "messages older than %d minutes are read but not answered; if these are new, this machine's clock is wrong",
                MAX_AGE_SECONDS // 60,
            )
        return late
