"""Sending a `Reply`: cut to Discord's length, as a reply where that can be, and "typing" until it is there."""

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
"""Seconds: an answer that is there sooner needs no sign that one is coming, nor the request that shows it."""
TYPING_SECONDS = 8.0
"""Seconds; Discord shows it for ten."""
NO_HISTORY_PERMISSION = 160002
"""Discord's code where the permission to read the history is missing, which a plain message does without."""
REFUSAL_MARK = "!"
"""In a message's nonce: it says why there is no answer, or how dann does, so it is no part of the conversation."""

log = logging.getLogger("dann.discord")
_typing_tasks: set[asyncio.Task[None]] = set()


def pieces(reply: Reply) -> list[str]:
    """The reply in messages that Discord takes, its footer in small print under the last."""
    parts = split(reply.text, LIMIT, characters)
    if not reply.footer:
        return parts
    small = f"-# {reply.footer}"
    if len(parts[-1]) + 1 + len(small) <= LIMIT:
        return [*parts[:-1], f"{parts[-1]}\n{small}"]
    return [*parts, small]


async def post(message: discord.Message, reply: Reply, *, as_reply: bool = True) -> None:
    """Send the reply where the message is; it hangs on the message if that is still there.

    The nonce makes Discord post each piece once, however often a request is tried again.
    """
    sign = REFUSAL_MARK if reply.refused else "."
    for number, piece in enumerate(pieces(reply)):
        nonce = f"{message.id}{sign}{number}"
        if number or not (as_reply and await _send_as_reply(message, piece, nonce)):
            await message.channel.send(piece, nonce=nonce)


async def send_unasked(channel: discord.abc.Messageable, text: str) -> None:
    """Send what nobody asked for; it is no part of the conversation."""
    number = time.time_ns() // 1000
    for place, piece in enumerate(split(text, LIMIT, characters)):
        await channel.send(piece, nonce=f"{number}{REFUSAL_MARK}{place}")


async def _send_as_reply(message: discord.Message, piece: str, nonce: str) -> bool:
    """Send a piece as a reply; False where dann may not, which takes reading what was said before."""
    there = message.to_reference(fail_if_not_exists=False)
    try:
        await message.channel.send(piece, nonce=nonce, reference=there, mention_author=False)
    except discord.Forbidden as error:
        if error.code != NO_HISTORY_PERMISSION:
            raise
        return False
    return True


def is_refusal(message: discord.Message) -> bool:
    """Whether one of dann's own messages, just sent, says why there is no answer."""
    return REFUSAL_MARK in str(message.nonce or "")


@asynccontextmanager
async def typing(channel: discord.abc.Messageable) -> AsyncIterator[None]:
    """Show "typing" while the block runs. The block waits for none of it, and never learns that it failed."""
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
