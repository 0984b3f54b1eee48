"""The simulated server: `/bot<token>/<method>` on a port of 127.0.0.1, with ordered faults."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Self

from aiohttp import web

from tests.servers.telegram.errors import ApiError, too_many
from tests.servers.telegram.faults import Fault
from tests.servers.telegram.methods import call
from tests.servers.telegram.objects import Bot
from tests.servers.telegram.parameters import Parameters
from tests.servers.telegram.simulation import SimulatedTelegram


class TelegramServer:
    """The server, started by `async with`; `port` 0 takes a free port."""

    def __init__(self, simulation: SimulatedTelegram | None = None, port: int = 0) -> None:
        self.simulation = simulation or SimulatedTelegram()
        self.port = port
        self.closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """The URL in front of the token."""
        return f"http://127.0.0.1:{self.port}/bot"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/bot{token:[^/]*}/{method:[^/]+}", self._handle)
        app.router.add_route("*", "/{anything:.*}", self._not_found)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closing.set()
        for mailbox in self.simulation.mailboxes.values():
            mailbox.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _not_found(self, _request: web.Request) -> web.Response:
        return web.json_response(ApiError(404, "Not Found").body(), status=404)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].lower()
        try:
            bot = self._bot(request.match_info["token"])
            bot.used[method] = bot.used.get(method, 0) + 1
            fault = self.simulation.faults.take(method)
            if fault is not None and not fault.after:
                return await self._faulty(request, fault)
            result = await call(self.simulation, bot, method, Parameters(await parameters(request)))
            if fault is not None:
                return await self._faulty(request, fault)
            return web.json_response({"ok": True, "result": result})
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)

    def _bot(self, token: str) -> Bot:
        """Return the bot of a token. Raises 404 for a malformed token, 401 for an unknown one."""
        if not re.fullmatch(r"\d+:[A-Za-z0-9_-]{35}", token):
            raise ApiError(404, "Not Found")
        if token not in self.simulation.bots:
            raise ApiError(401, "Unauthorized")
        return self.simulation.bots[token]

    async def _faulty(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "hang":
            await self.closing.wait()
        if fault.kind in {"hang", "reset"}:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault.kind == "garbage":
            return web.Response(text='{"ok":true,"result":[{"update_id":', content_type="application/json")
        if fault.kind == "too_many":
            raise too_many(fault.seconds)
        if 502 <= fault.code <= 504:
            return web.Response(status=fault.code, text="<html><h1>nginx</h1></html>", content_type="text/html")
        raise ApiError(fault.code, "Internal Server Error")


async def parameters(request: web.Request) -> Mapping[str, Any]:
    """Return query and body together: a form of either kind, or a JSON object."""
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError as error:
            raise ApiError(400, "Bad Request: can't parse JSON object") from error
        if not isinstance(body, dict):
            raise ApiError(400, "Bad Request: object expected")
        return {**request.query, **body}
    return {**request.query, **await request.post()}
