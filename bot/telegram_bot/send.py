"""Send a `Reply` on Telegram, in pieces that fit; retried only where Telegram surely did not take it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from telegram import Bot, LinkPreviewOptions, Message, MessageEntity, ReplyParameters
from telegram.constants import ChatAction, MessageLimit
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError

from bot.replies.split import split, utf16_units
from bot.replies.types import Channel, Replier, Reply
from bot.telegram_bot.config import NAME
from bot.telegram_bot.convert import MessageReader

LIMIT = int(MessageLimit.MAX_TEXT_LENGTH)
FIRST_TYPING_SECONDS = 0.3
"""Seconds: a reply that comes at once needs no sign."""
TYPING_SECONDS = 4.0
"""Telegram shows it for five seconds."""
SEND_SECONDS = 90.0
"""Seconds after which a reply that could not be sent is dropped."""
RETRY_SECONDS = (0.5, 2.0)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

logger = logging.getLogger("dann.telegram")


class Sender:
    """Sends for one bot, and passes dann's own messages on: Telegram does not send those back."""

    def __init__(self, bot: Bot, reader: MessageReader, replier: Replier) -> None:
        self._bot = bot
        self._reader = reader
        self._replier = replier

    async def send(self, channel: Channel, reply: Reply, to: int | None = None) -> None:
        """Send `reply`, its first piece as a reply to message `to`. What cannot be sent is logged and dropped."""
        try:
            await self._send_pieces(channel, reply, to)
        except (TimeoutError, RetryAfter):
            logger.warning(
                "an answer in chat %s could not be sent within %d s and was dropped", channel.chat, SEND_SECONDS
            )
        except (Forbidden, BadRequest) as error:
            logger.warning("chat %s takes no answer: %s", channel.chat, error)
        except TelegramError as error:
            logger.warning("an answer in chat %s may not have been sent: %s", channel.chat, error)

    async def send_privately(self, user: str, reply: Reply) -> bool:
        """Send to somebody's own chat with the bot; return whether they have opened one."""
        try:
            await self._send_pieces(Channel(NAME, user, private=True), reply, None)
        except (Forbidden, BadRequest):
            return False
        except (TelegramError, TimeoutError) as error:
            logger.warning("an answer to owner %s may not have been sent: %s", user, error)
        return True

    async def _send_pieces(self, channel: Channel, reply: Reply, to: int | None) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            for text, italic in pieces(reply):
                message = await self._send_with_retries(channel, text, italic, to)
                to = None
                if text:
                    self._replier.on_message(channel, self._reader.to_message(message, text))

    @asynccontextmanager
    async def typing(self, channel: Channel) -> AsyncIterator[None]:
        """Show "typing" while the block runs, if that takes more than a moment."""
        showing = asyncio.create_task(self._type(channel))
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.wait([showing])  # so that it cannot come after the reply

    async def _type(self, channel: Channel) -> None:
        wait = FIRST_TYPING_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                await self._bot.send_chat_action(
                    channel.chat, ChatAction.TYPING, message_thread_id=int(channel.thread) if channel.thread else None
                )
            except TelegramError as error:
                logger.debug("typing could not be shown: %s", error)
            wait = TYPING_SECONDS

    async def _send_with_retries(self, channel: Channel, text: str, italic: str, to: int | None) -> Message:
        """Send one piece, again where it surely was not sent."""
        chat = channel.chat
        for wait in (*RETRY_SECONDS, None):
            try:
                return await self._send_piece(chat, channel.thread, text, italic, to)
            except ChatMigrated as moved:  # the group became a supergroup with another id
                chat, to = str(moved.new_chat_id), None
            except NetworkError as error:
                if wait is None or not _surely_not_sent(error):
                    raise
                await asyncio.sleep(wait)
        raise TelegramError("the group keeps moving")

    async def _send_piece(self, chat: str, thread: str, text: str, italic: str, to: int | None) -> Message:
        entities = [MessageEntity(MessageEntity.ITALIC, utf16_units(text), utf16_units(italic))] if italic else None
        return await self._bot.send_message(
            chat,
            text + italic,
            entities=entities,
            message_thread_id=int(thread) if thread else None,
            reply_parameters=ReplyParameters(to, allow_sending_without_reply=True) if to is not None else None,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )


def pieces(reply: Reply) -> list[tuple[str, str]]:
    """Split a reply into messages, each as plain text and the italic text after it.

    A footer stands under the last; refusals and answers to owners are italic as a whole: convert.py knows them by that.
    """
    texts = split(reply.text, LIMIT, utf16_units)
    if reply.refused or reply.private:
        return [("", text) for text in texts]
    if not reply.footer:
        return [(text, "") for text in texts]
    footer = "\n\n" + reply.footer
    if utf16_units(texts[-1]) + utf16_units(footer) > LIMIT:
        texts = [*texts[:-1], *split(texts[-1], LIMIT - utf16_units(footer), utf16_units)]
    return [*((text, "") for text in texts[:-1]), (texts[-1], footer)]


def _surely_not_sent(error: NetworkError) -> bool:
    """Whether the request never left, or Telegram itself (no gateway) says that it failed."""
    return isinstance(error.__cause__, NEVER_SENT) or error.message.startswith("Internal Server Error")
