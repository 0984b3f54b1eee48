"""One bot's updates: kept until confirmed, returned to a poller or posted to a webhook."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import aiohttp

from tests.servers.telegram.errors import conflict

Json = dict[str, Any]
TERMINATED = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
MAX_UPDATES = 100
MAX_POLL_SECONDS = 50


class Mailbox:
    """The updates that are not confirmed, oldest first."""

    def __init__(self) -> None:
        self.pending: list[Json] = []
        self.allowed: Collection[str] = ()
        """The kinds of updates that are kept; empty for all."""
        self.webhook: Json = {"url": "", "has_custom_certificate": False}
        self.handed_over: list[Json] = []
        self._secret = ""
        self._next = 700_000_001
        self._arrived = asyncio.Event()
        self._terminated: asyncio.Event | None = None
        self._sending: asyncio.Task[None] | None = None

    def put(self, kind: str, message: Json) -> None:
        """Keep an update for the bot, if its kind is allowed."""
        if self.allowed and kind not in self.allowed:
            return
        self.pending.append({"update_id": self._next, kind: message})
        self._next += 1
        self._arrived.set()

    def drop(self) -> None:
        """Drop all updates."""
        self.pending.clear()

    async def fetch(self, offset: int, limit: int, timeout: int) -> list[Json]:
        """Return the updates for getUpdates; another waiting poller gets a 409."""
        if self.webhook["url"]:
            raise conflict(WEBHOOK_ACTIVE)
        if self._terminated is not None:
            self._terminated.set()
        self._confirm(offset)
        mine = self._terminated = asyncio.Event()
        try:
            await self._wait(mine, min(max(timeout, 0), MAX_POLL_SECONDS))
        finally:
            if self._terminated is mine:
                self._terminated = None
        updates = self.pending[: min(max(limit, 1), MAX_UPDATES)]
        self.handed_over += updates
        return updates

    async def _wait(self, terminated: asyncio.Event, seconds: int) -> None:
        """Wait for an update, the timeout, or another poller."""
        ends = asyncio.get_running_loop().time() + seconds
        while not self.pending:
            left = ends - asyncio.get_running_loop().time()
            self._arrived.clear()
            waits = [asyncio.create_task(event.wait()) for event in (self._arrived, terminated)]
            try:
                await asyncio.wait(waits, timeout=max(left, 0), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            if terminated.is_set():
                raise conflict(TERMINATED)
            if left <= 0:
                return

    def _confirm(self, offset: int) -> None:
        """Drop updates before `offset`; a negative offset keeps that many of the newest."""
        if offset < 0:
            self.pending = self.pending[offset:]
        elif offset:
            self.pending = [update for update in self.pending if update["update_id"] >= offset]

    def set_webhook(self, info: Json, secret: str) -> None:
        """Post updates to `info["url"]` from now on."""
        self.stop()
        self.webhook, self._secret = info, secret
        self._sending = asyncio.create_task(self._send())

    def stop(self) -> None:
        """Stop posting to the webhook."""
        if self._sending is not None:
            self._sending.cancel()
        self._sending = None
        self.webhook = {"url": "", "has_custom_certificate": False}

    async def _send(self) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                while not self.pending:
                    self._arrived.clear()
                    await self._arrived.wait()
                if await self._delivered(session, self.pending[0]):
                    self.handed_over.append(self.pending.pop(0))
                else:
                    await asyncio.sleep(0.05)

    async def _delivered(self, session: aiohttp.ClientSession, update: Json) -> bool:
        """Post an update; return whether the webhook took it, keep errors for getWebhookInfo."""
        with suppress(aiohttp.ClientError):
            async with session.post(self.webhook["url"], json=update) as response:
                if response.ok:
                    return True
                self.webhook["last_error_message"] = f"Wrong response from the webhook: {response.status}"
                return False
        self.webhook["last_error_message"] = "Connection refused"
        return False
