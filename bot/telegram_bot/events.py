"""What a message is to dann: something to hear, to answer, to do, or nothing. Knows no network.

Each message is heard before anything waits, so that the order of a conversation is that of its updates; then each has a
task of its own, so that a slow answer holds up nobody.
"""

import logging
import time

from telegram import Message, Update
from telegram.ext import ContextTypes

from bot.config import BotSettings
from bot.replies import phrases
from bot.replies.options import parse_command
from bot.replies.permissions import Permissions
from bot.replies.ttl_set import TTLSet
from bot.replies.types import Author, Channel, ChatMessage, Command, Mention, Replier, Reply
from bot.serving.collect import Collector
from bot.telegram_bot import collect
from bot.telegram_bot.commands import CommandKind, ParsedCommand, command_name, read_command
from bot.telegram_bot.convert import MessageReader, channel_of, is_user_message, message_id
from bot.telegram_bot.send import Sender
from model.errors import DannError

MAX_AGE_SECONDS = 300
"""A message older than this was written to somebody who was not there: it is read, but an answer would startle."""
DUPLICATE_SECONDS = 3600.0
"""How long an update is known again, should Telegram hand it over once more."""
BUG = "this is a bug in dann; please report it with these lines"

logger = logging.getLogger("dann.telegram")


async def log_failure(_update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """The callback of python-telegram-bot's error handler: what got past everything else."""
    logger.error(BUG, exc_info=context.error)


class EventHandler:
    """Takes one update after the other, and has answered what is meant for dann."""

    def __init__(
        self,
        settings: BotSettings,
        answers: Replier,
        reader: MessageReader,
        sender: Sender,
        collector: Collector | None,
    ) -> None:
        self._replier = answers
        self._reader = reader
        self._sender = sender
        self._collector = collector
        self._command = command_name(settings.persona.name)
        self._params = settings.sample
        self._permissions = Permissions(settings.bot)
        self._refused = TTLSet(settings.bot.cooldown_seconds)
        self._seen = TTLSet(DUPLICATE_SECONDS)
        self._albums = TTLSet(DUPLICATE_SECONDS)
        self._warned_late = False

    async def on_update(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """The callback of python-telegram-bot's handler."""
        if self._seen.remaining(update.update_id):
            return
        self._seen.mark(update.update_id)
        self._collect(update)
        if update.edited_message is not None and is_user_message(update.edited_message):
            self._on_edit(update.edited_message)
        elif update.message is not None and is_user_message(update.message):
            await self._on_message(update.message)

    def _collect(self, update: Update) -> None:
        """Pass on what the owner says, and what they have made of it since. Deletions Telegram tells no bot of."""
        message = update.edited_message or update.message
        if self._collector is None or message is None or not collect.is_numbered_for_all(message):
            return
        if not self._collector.wants(channel_of(message), self._reader.author(message)):
            return
        if post := collect.post_of(message):
            self._collector.add(post)
        elif update.edited_message is not None:
            self._collector.forget(collect.post_id(message))

    async def _on_message(self, message: Message) -> None:
        channel, late, found = channel_of(message), self._is_late(message), self._read_command(message)
        if found.kind is CommandKind.FOREIGN:
            return
        if found.kind is CommandKind.ADMIN:
            if not late:
                await self._run_admin(message, channel, found.text)
            return
        heard, command, refusal = self._parse(message, found)
        wanted = found.kind is not CommandKind.MESSAGE or self._reader.is_addressed(message)
        if wanted or heard.text:  # a picture without words that is shown to others is nothing to hear
            self._replier.on_message(channel, heard)
        if late or (wanted and self._is_rest_of_album(message)):
            return
        if refusal:
            await self._refuse(message, channel, heard.author, refusal)
        elif wanted:
            await self._answer(message, Mention(channel, heard, self._reader.chain(message), command))
        elif heard.text:
            await self._remark(message, channel, heard)

    def _read_command(self, message: Message) -> ParsedCommand:
        username, private = self._reader.me.username or "", channel_of(message).private
        return read_command(
            message, self._reader.text(message), username=username, command=self._command, private=private
        )

    def _parse(self, message: Message, found: ParsedCommand) -> tuple[ChatMessage, Command | None, str]:
        """What was said, less the command and its options; what `/dann` asked for; or why it cannot be had."""
        if found.kind is not CommandKind.TALK:
            return self._reader.to_message(message, "" if found.kind is CommandKind.START else found.text), None, ""
        try:
            command = parse_command(found.text, self._params)
        except DannError as error:
            return self._reader.to_message(message, found.text), None, str(error)
        return self._reader.to_message(message, command.prompt), command, ""

    async def _answer(self, message: Message, mention: Mention) -> None:
        """What goes wrong here is a bug: the log has where, the chat a line without details."""
        try:
            async with self._sender.typing(mention.channel):
                reply = await self._replier.answer(mention)
        except Exception:
            logger.exception(BUG)
            reply = Reply(phrases.FAILED, refused=True)
        if reply is not None:
            await self._sender.send(mention.channel, reply, message.message_id)

    async def _remark(self, message: Message, channel: Channel, heard: ChatMessage) -> None:
        reply = await self._replier.remark(channel, heard, addressed=self._reader.is_addressed_to_others(message))
        if reply is not None:
            await self._sender.send(channel, reply)

    async def _run_admin(self, message: Message, channel: Channel, words: str) -> None:
        """`/dann_admin`: the answer goes to the owner's own chat, or where there is none yet, back to where it was asked."""
        author = self._reader.author(message)
        if author.is_bot:
            return
        command, _, argument = words.strip().partition(" ")
        reply = await self._replier.admin(channel, author, command.lower(), argument.strip())
        if reply.refused:
            await self._refuse(message, channel, author, reply.text)
        elif channel.private or not await self._sender.send_privately(author.id, reply):
            await self._sender.send(channel, reply, message.message_id)

    async def _refuse(self, message: Message, channel: Channel, author: Author, why: str) -> None:
        """One line, to those who may talk to dann at all; somebody who goes on and on is not told each time."""
        if author.is_bot or not self._permissions.admits(channel, author) or self._refused.remaining(author.id):
            return
        self._refused.mark(author.id)
        await self._sender.send(channel, Reply(why, private=True, refused=True), message.message_id)

    def _on_edit(self, message: Message) -> None:
        """It reads otherwise now; it is not answered, whatever it says."""
        found = self._read_command(message)
        if found.kind in {CommandKind.MESSAGE, CommandKind.TALK}:
            heard, _, _ = self._parse(message, found)
            self._replier.on_edit(channel_of(message), message_id(message), heard.text)

    def _is_rest_of_album(self, message: Message) -> bool:
        """Whether dann is at another picture of these already: each of an album's comes as a message of its own."""
        album = message.media_group_id
        if album is None or self._albums.remaining(album):
            return album is not None
        self._albums.mark(album)
        return False

    def _is_late(self, message: Message) -> bool:
        late = time.time() - message.date.timestamp() > MAX_AGE_SECONDS
        if late and not self._warned_late:
            self._warned_late = True
            logger.warning(
                "messages older than %d minutes are read but not answered; if these are new, this machine's clock is wrong",
                MAX_AGE_SECONDS // 60,
            )
        return late
