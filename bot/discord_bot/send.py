"""Send a `Reply` on Discord: split, as a reply where possible, with "typing" until then."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord

from bot.replies.split import characters, split
from bot.replies.types import Reply

LIMIT = 2000
"""Characters in a message."""
FIRST_TYPING_SECONDS = 0.1
"""Seconds: a reply that comes sooner needs no sign, nor the request that shows it."""
TYPING_SECONDS = 8.0
"""Seconds; Discord shows it for ten."""
NO_HISTORY_PERMISSION = 160002
"""Discord's code for a missing permission to read the history, which a plain message does not need."""
REFUSAL_MARK = "!"
"""Marks in the nonce a refusal or status, which is no part of the conversation."""

log = logging.getLogger("dann.discord")
_typing_tasks: set[asyncio.Task[None]] = set()


def pieces(reply: Reply) -> list[str]:
    """Split a reply into messages, its footer in small print under the last."""
    parts = split(reply.text, LIMIT, characters)
    if not reply.footer:
        return parts
    small = f"-# {reply.footer}"
    if len(parts[-1]) + 1 + len(small) <= LIMIT:
        return [*parts[:-1], f"{parts[-1]}\n{small}"]
    return [*parts, small]


async def post(message: discord.Message, reply: Reply, *, as_reply: bool = True) -> None:
    """Send a reply to the message; by the nonce, Discord posts each piece once, however often it is retried."""
    mark = REFUSAL_MARK if reply.refused else "."
    for number, piece in enumerate(pieces(reply)):
        nonce = f"{message.id}{mark}{number}"
        if number or not (as_reply and await _send_as_reply(message, piece, nonce)):
            await message.channel.send(piece, nonce=nonce)


async def send_unasked(channel: discord.abc.Messageable, text: str) -> None:
    """Send a message that is no part of the conversation."""
    now = time.time_ns() // 1000
    for number, piece in enumerate(split(text, LIMIT, characters)):
        await channel.send(piece, nonce=f"{now}{REFUSAL_MARK}{number}")


async def _send_as_reply(message: discord.Message, piece: str, nonce: str) -> bool:
    """Send a piece as a reply; False without the permission to read the history."""
    reference = message.to_reference(fail_if_not_exists=False)
    try:
        await message.channel.send(piece, nonce=nonce, reference=reference, mention_author=False)
    except discord.Forbidden as error:
        if error.code != NO_HISTORY_PERMISSION:
            raise
        return False
    return True


def is_refusal(message: discord.Message) -> bool:
    """Whether one of dann's own messages, just sent, is a refusal or unasked."""
    return REFUSAL_MARK in str(message.nonce or "")


@asynccontextmanager
async def typing(channel: discord.abc.Messageable) -> AsyncIterator[None]:
    """Show "typing" while the block runs; the block neither waits for it nor sees it fail."""
    task = asyncio.create_task(_type(channel))
    _typing_tasks.add(task)  # not waited for: where a rate limit is full, discord.py sleeps before it lets go
    task.add_done_callback(_typing_tasks.discard)
    try:
        yield
    finally:
        task.cancel()


async def _type(channel: discord.abc.Messageable) -> None:
    pause = FIRST_TYPING_SECONDS
    try:
        while True:
            await asyncio.sleep(pause)
            await channel.typing()
            pause = TYPING_SECONDS
    except Exception as error:  # whatever it is, the answer matters more
        log.debug("typing is not shown: %s", type(error).__name__)
