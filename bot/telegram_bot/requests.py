"""HTTP to Telegram: what is logged, how failures are reported, rate limits. Knows no updates and no replies."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from telegram import Update
from telegram.error import NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.ext import AIORateLimiter
from telegram.request import HTTPXRequest

from bot.replies.ttl_set import TTLSet

REFUSAL = (
    "Telegram refuses the token in TELEGRAM_TOKEN: copy it again from @BotFather (/mybots, then API Token), "
    "or make a bot there with /newbot"
)
SECOND_POLLER = (
    "another process polls Telegram with this token: stop it, or give each its own bot (@BotFather, /newbot); "
    "until then either may miss messages"
)
CONNECTIONS = 256
QUIET_SECONDS = 600.0
READ_SECONDS = 10.0
MAX_RETRIES = 3
"""How often a message that Telegram rejects with 429 is sent again."""
LONGEST_HOLD_SECONDS = 90.0
"""Telegram may ask for minutes: nobody waits for an answer that long, so what would have to wait longer fails at once."""
MARGIN_SECONDS = 0.1
"""Waited beyond what Telegram asks for, as both clocks are rounded."""
MAX_HELD = 1000
"""Chats of which it is known until when they are held up; beyond that the one that was held up first is tried again."""

logger = logging.getLogger("dann.telegram")


class TelegramRequest(HTTPXRequest):
    """python-telegram-bot's request, without logging payloads: they may hold what people wrote."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """Parse a response; raises TelegramError for invalid JSON."""
        try:
            return json.loads(payload)
        except ValueError as error:
            raise TelegramError(f"{len(payload)} bytes that are not JSON") from error


class PollingRequest(TelegramRequest):
    """The request that fetches updates; reports once what is wrong, keeps trying, and reports when that is over."""

    def __init__(self) -> None:
        super().__init__(connection_pool_size=1, read_timeout=READ_SECONDS)
        self._reported = ""
        self._recent = TTLSet(QUIET_SECONDS)

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """Parse a response; an update that cannot be read is emptied, or it would be fetched for ever."""
        response = TelegramRequest.parse_json_payload(payload)
        if isinstance(response, dict) and isinstance(updates := response.get("result"), list):
            response["result"] = [_readable_update(update) for update in updates]
        return response

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Send a request; a refused token is an error like others: a proxy's passing 404 must not end polling."""
        try:
            code, payload = await super().do_request(*args, **kwargs)
        except TelegramError as error:
            # Telegram answers in time even with nothing to fetch: a timeout is a lost connection, not a quiet hour.
            why = "no answer" if isinstance(error, TimedOut) else error
            self._report(f"Telegram cannot be reached ({why}); dann keeps trying")
            raise
        self._report(_polling_trouble(code, payload))
        if code in {401, 404}:
            raise NetworkError(REFUSAL)
        return code, payload

    def _report(self, trouble: str) -> None:
        """Log a trouble once; two alternating ones every ten minutes, not each time."""
        if not trouble:
            if self._reported:
                logger.warning("Telegram answers again")
            self._reported = ""
        elif trouble != self._reported and self._recent.add(trouble):
            logger.warning(trouble)
            self._reported = trouble


class SendLimiter(AIORateLimiter):
    """Limit to 30 messages a second, 20 a minute in a group, and wait out 429; typing is no message, and exempt.

    A 429 holds up the chat that it was for: AIORateLimiter, which never sees one here, would hold up every chat.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(max_retries=0)
        self._clock = clock
        self._held_until: dict[str, float] = {}

    async def process_request(self, *args: Any, **request: Any) -> Any:
        """Send a request at its pace; python-telegram-bot names all arguments. Raises RetryAfter."""
        send = request["callback"]
        if request["endpoint"] == "sendChatAction":
            return await send(*request["args"], **request["kwargs"])
        chat = str(request["data"].get("chat_id", request["endpoint"]))

        async def send_when_allowed(*given: Any, **named: Any) -> Any:
            while 0 < (wait := self._held_for(chat)) <= LONGEST_HOLD_SECONDS:
                await asyncio.sleep(wait)
            if wait > 0:
                return RetryAfter(timedelta(seconds=round(wait)))
            try:
                return await send(*given, **named)
            except RetryAfter as error:
                self._hold(chat, error)
                return error

        for _ in range(MAX_RETRIES + 1):
            answer: Any = await super().process_request(*args, **request | {"callback": send_when_allowed})
            if not isinstance(answer, RetryAfter):
                return answer
            if self._held_for(chat) > LONGEST_HOLD_SECONDS:
                break
        raise answer

    def _held_for(self, chat: str) -> float:
        """The seconds that this chat is still held up; not above 0 where it is not."""
        return self._held_until.get(chat, 0.0) - self._clock()

    def _hold(self, chat: str, error: RetryAfter) -> None:
        wait = error.retry_after
        seconds = wait.total_seconds() if isinstance(wait, timedelta) else wait
        self._held_until.pop(chat, None)
        self._held_until[chat] = self._clock() + seconds + MARGIN_SECONDS
        if len(self._held_until) > MAX_HELD:
            del self._held_until[next(iter(self._held_until))]


def hide_update_text(record: logging.LogRecord) -> bool:
    """Log filter that removes the text of updates that python-telegram-bot cannot read."""
    if "Received data" in str(record.msg):
        record.msg, record.args = "an update from Telegram could not be read", ()
    return True


def _readable_update(update: Any) -> Any:
    """Return the update, reduced to its number where python-telegram-bot fails on it."""
    try:
        Update.de_json(update, None)
    except Exception as error:
        logger.warning("an update from Telegram could not be read (%s)", type(error).__name__)
        return {"update_id": update["update_id"]}
    return update


def _polling_trouble(code: int, payload: bytes) -> str:
    """Say what is wrong with a response to getUpdates; "" for nothing."""
    if code in {401, 404}:
        return REFUSAL
    if code == 409:
        return SECOND_POLLER
    if code != 200:
        return f"Telegram answers with an error ({code}); dann keeps trying"
    if payload.rstrip().endswith(b"}"):
        return ""
    return "Telegram's answers are not JSON: is there a proxy or a login page between? dann keeps trying"
