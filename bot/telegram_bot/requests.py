"""HTTP to Telegram: what is logged, how failures are reported, rate limits. Knows no updates and no replies."""

import json
import logging
from typing import Any

from telegram import Update
from telegram.error import NetworkError, TelegramError, TimedOut
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
    """Limit to 30 messages a second, 20 a minute in a group, and wait out 429; typing is no message, and exempt."""

    def __init__(self) -> None:
        super().__init__(max_retries=MAX_RETRIES)

    async def process_request(self, *args: Any, **request: Any) -> Any:
        """AIORateLimiter's, except for the typing action; python-telegram-bot names all arguments."""
        if request["endpoint"] == "sendChatAction":
            return await request["callback"](*request["args"], **request["kwargs"])
        return await super().process_request(*args, **request)


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
