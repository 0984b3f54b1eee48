"""Start and stop dann on Telegram. Handles no messages: events.py does.

Polling asks Telegram for updates and needs no open port; a webhook is called by Telegram, through whatever serves https in
front of `webhook_listen`. Signals are the caller's.
"""

import asyncio
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from telegram import Update, User
from telegram.error import BadRequest, InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, TypeHandler

from bot.config import BotSettings
from bot.process.redaction import Redaction
from bot.replies.types import Replier, Reply
from bot.serving.collect import Collector
from bot.telegram_bot.command_menu import set_menu
from bot.telegram_bot.commands import command_name
from bot.telegram_bot.config import TelegramConfig
from bot.telegram_bot.convert import MessageReader
from bot.telegram_bot.events import TelegramEvents, log_failure
from bot.telegram_bot.requests import (
    CONNECTIONS,
    READ_SECONDS,
    REFUSAL,
    PollingRequest,
    SendLimiter,
    TelegramRequest,
    hide_update_text,
)
from bot.telegram_bot.send import Sender
from model.errors import DannError

POLL_SECONDS = 10
UPDATE_TYPES = [Update.MESSAGE, Update.EDITED_MESSAGE]
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STOP_FETCHING_SECONDS = 2.0
"""Seconds that stopping to fetch updates may take."""
MIN_STOP_SECONDS = 0.5
"""Seconds that python-telegram-bot needs to end its own tasks, when replies are not waited for."""
EXAMPLES = {"base_url": "http://127.0.0.1:8081", "webhook_url": "https://example.org/dann"}
PRIVACY = (
    "privacy mode is on, so that in groups dann reads only what is meant for it: @BotFather's /setprivacy turns it off "
    "(then add the bot to its groups again)"
)

logger = logging.getLogger("dann.telegram")
Telegram = Application[Any, Any, Any, Any, Any, Any]


class TelegramBot:
    """One bot. `token` is BotFather's; nothing is sent before `start`."""

    def __init__(self, token: str, settings: BotSettings, replier: Replier, collector: Collector) -> None:
        self._token = token
        self._settings = settings
        self._replier = replier
        self._collector = collector
        self._redaction = Redaction(token.partition(":")[2] or token)
        self._application: Telegram | None = None
        self._sender: Sender | None = None

    async def start(self) -> str:
        """Start answering, and return the line that says so; keep trying until Telegram is reached.

        Raises DannError where the token is refused, an address is invalid, or the webhook's port is taken.
        """
        if not re.fullmatch(r"\d+:[\w-]+", self._token, re.ASCII):
            raise DannError(REFUSAL)
        check_addresses(TelegramConfig.of(self._settings.bot))
        self._redaction.__enter__()
        self._application = application = self._build()
        command = command_name(self._settings.persona.name)
        try:
            await _retry_until_reached(application.initialize)
            me: User = application.bot.bot
            await set_menu(application.bot, command, TelegramConfig.of(self._settings.bot).owners)
            self._add_handlers(application, me)
            await application.start()
            fetching = await self._start_fetching(application)
        except InvalidToken:
            await self.stop(0)
            raise DannError(REFUSAL) from None  # its own text holds the token
        except BaseException:
            await self.stop(0)
            raise
        privacy = "" if me.can_read_all_group_messages else f"; {PRIVACY}"
        return f"Telegram: @{me.username} answers to its name and /{command}, by {fetching}{privacy}"

    async def stop(self, seconds: float = 5.0) -> None:
        """Take no more messages, wait up to `seconds` for replies in flight, and close. Harmless where nothing runs."""
        application, self._application = self._application, None
        if application is None:
            return
        start = time.monotonic()
        if application.updater is not None and application.updater.running:
            await _wait_at_most(STOP_FETCHING_SECONDS, application.updater.stop())
        if application.running:
            await _wait_at_most(max(MIN_STOP_SECONDS, seconds - (time.monotonic() - start)), application.stop())
        await _wait_at_most(1.0, application.shutdown())
        await application.bot.shutdown()  # shutdown() leaves it open where initialize() did not finish
        self._redaction.__exit__()

    async def tell_owner(self, owner: str, text: str) -> None:
        """Write to an owner. Raises DannError where they have not opened a chat with the bot."""
        if self._sender is None:
            raise DannError("Telegram cannot be reached yet")
        if not await self._sender.send_privately(owner, Reply(text, private=True)):
            raise DannError("they have not written to the bot yet, or blocked it")

    def _build(self) -> Telegram:
        os.environ.setdefault("PTB_TIMEDELTA", "true")  # the future default; without it each 429 logs a warning
        builder = (
            ApplicationBuilder()
            .token(self._token)
            .job_queue(None)
            .rate_limiter(SendLimiter())
            .request(
                TelegramRequest(connection_pool_size=CONNECTIONS, read_timeout=READ_SECONDS, pool_timeout=READ_SECONDS)
            )
            .get_updates_request(PollingRequest())
        )
        if host := TelegramConfig.of(self._settings.bot).base_url.rstrip("/").removesuffix("/bot"):
            builder = builder.base_url(f"{host}/bot").base_file_url(f"{host}/file/bot")
        return builder.build()

    def _add_handlers(self, application: Telegram, me: User) -> None:
        reader = MessageReader(me)
        sender = self._sender = Sender(application.bot, reader, self._replier)
        events = TelegramEvents(self._settings, self._replier, reader, sender, self._collector)
        application.add_handler(TypeHandler(Update, events.on_update, block=False))
        application.add_error_handler(log_failure)

    async def _start_fetching(self, application: Telegram) -> str:
        """Start polling or the webhook; return which."""
        updater, config = application.updater, TelegramConfig.of(self._settings.bot)
        if updater is None:
            raise RuntimeError("the application was built without an updater")
        if not config.webhook_url:
            await updater.start_polling(
                timeout=POLL_SECONDS,
                bootstrap_retries=-1,
                allowed_updates=UPDATE_TYPES,
                error_callback=lambda _: None,  # PollingRequest in requests.py has logged it, once
            )
            return "polling"
        logging.getLogger("telegram.ext.Updater").addFilter(hide_update_text)
        check_port(config)
        secret, url = secrets.token_urlsafe(32), config.webhook_url
        try:  # start_webhook calls it too, but floods the log where Telegram refuses the address
            await _retry_until_reached(
                partial(application.bot.set_webhook, url, allowed_updates=UPDATE_TYPES, secret_token=secret)
            )
        except BadRequest as error:
            raise DannError(f"bot.telegram.webhook_url = {url!r}: Telegram says {error}") from error
        await updater.start_webhook(
            listen=config.webhook_listen,
            port=config.webhook_port,
            url_path=re.escape(urlsplit(url).path),
            webhook_url=url,
            secret_token=secret,
            allowed_updates=UPDATE_TYPES,
            bootstrap_retries=-1,
        )
        return f"webhook, on {config.webhook_listen}:{config.webhook_port}"


def check_addresses(config: TelegramConfig) -> None:
    """Raise DannError for an invalid address of `[bot.telegram]`, before anything is sent to it."""
    for name, example in EXAMPLES.items():
        address = getattr(config, name)
        if address and not _is_url(address):
            raise DannError(f"bot.telegram.{name} = {address!r} is not an address such as {example}")


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def check_port(config: TelegramConfig) -> None:
    """Raise DannError where the webhook's port cannot be listened on."""
    family = socket.AF_INET6 if ":" in config.webhook_listen else socket.AF_INET
    try:
        socket.create_server((config.webhook_listen, config.webhook_port), family=family).close()
    except OSError as error:
        endpoint = f"{config.webhook_listen}:{config.webhook_port}"
        raise DannError(f"bot.telegram.webhook_port: {endpoint} cannot be listened on ({error.strerror})") from error


async def _retry_until_reached(action: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Repeat a call until Telegram answers; raises InvalidToken and BadRequest."""
    wait = FIRST_PAUSE
    while True:
        try:
            await action()
        except (InvalidToken, BadRequest):
            raise
        except TelegramError as error:
            if wait == FIRST_PAUSE:
                logger.warning("Telegram cannot be reached (%s); dann keeps trying", error)
        else:
            return
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_PAUSE)


async def _wait_at_most(seconds: float, closing: Coroutine[Any, Any, None]) -> None:
    """Wait for `closing`, then cancel: python-telegram-bot swallows a first cancellation."""
    task = asyncio.create_task(closing)
    while not task.done():
        _, late = await asyncio.wait({task}, timeout=seconds)
        for unfinished in late:
            unfinished.cancel()
        seconds = 0.5
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("Telegram could not be left in good order", exc_info=error)
