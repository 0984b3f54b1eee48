"""The simulated server: REST and gateway on one port, every request checked and recorded."""

from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from tests.servers.discord.errors import ApiError, no_such_route, unauthorized
from tests.servers.discord.faults import Faults, json_response
from tests.servers.discord.gateway.gateway import Gateway
from tests.servers.discord.rest import app_payloads, payloads
from tests.servers.discord.rest.interactions import Interactions
from tests.servers.discord.rest.messages import Messages
from tests.servers.discord.rest.rate_limits import RateLimits
from tests.servers.discord.rest.requests import json_of
from tests.servers.discord.simulation import SimulatedDiscord

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
API = "/api/v10"
BY_TOKEN = ("/interactions/", "/webhooks/")
"""Routes authorized by a secret in their path."""


class DiscordServer:
    """The server, started by `async with`; `requests` lists them like "POST /users/@me"."""

    def __init__(self, simulation: SimulatedDiscord | None = None) -> None:
        self.simulation = simulation or SimulatedDiscord()
        self.gateway = Gateway(self.simulation)
        self.faults = Faults()
        self.limits = RateLimits()
        self.requests: list[str] = []
        self.api_url = self.gateway_url = ""
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.api_url = f"http://127.0.0.1:{port}{API}"
        self.gateway_url = f"ws://127.0.0.1:{port}/gateway"
        self.gateway.resume_url = f"ws://127.0.0.1:{port}/resume"

    async def stop(self) -> None:
        self.gateway.cut()
        await self._runner.cleanup()

    def count(self, prefix: str) -> int:
        """Count the requests that start with `prefix`."""
        return sum(request.startswith(prefix) for request in self.requests)

    def _app(self) -> web.Application:
        api = web.Application(middlewares=[self._checked])
        api.add_routes(
            [
                web.get("/users/@me", self._me),
                web.get("/oauth2/applications/@me", self._application),
                web.get("/applications/@me", self._application),
                web.get("/gateway", self._gateway_address),
                web.get("/gateway/bot", self._gateway_for_bots),
                web.get("/applications/{application}/commands", self._commands),
                web.put("/applications/{application}/commands", self._overwrite_commands),
                *Messages(self.simulation).routes(),
                *Interactions(self.simulation).routes(),
            ]
        )
        app = web.Application()
        app.add_subapp(API, api)
        app.add_routes([web.get("/gateway", self.gateway.serve), web.get("/resume", self.gateway.serve)])
        return app

    @web.middleware
    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request after any ordered fault."""
        path = request.path.removeprefix(API)
        self.requests.append(f"{request.method} {path}")
        fault = self.faults.match(request.method, path)
        if fault and fault.done:
            await self._respond(request, handler, path)
        answer = await fault.answer() if fault else None
        return answer or await self._respond(request, handler, path)

    async def _respond(self, request: web.Request, handler: Handler, path: str) -> web.StreamResponse:
        public = path == "/gateway" or path.startswith(BY_TOKEN)
        try:
            if not public and request.headers.get("Authorization") != f"Bot {self.simulation.token}":
                raise unauthorized()
            route = request.match_info.route.resource
            if route is None:
                raise ApiError(405, 0, "405: Method Not Allowed") if _other_method(request) else no_such_route()
            template = f"{request.method} {route.canonical.removeprefix(API)}"
            major = request.match_info.get("channel") or request.match_info.get("token") or ""
            passed, everywhere, headers = self.limits.take(template, major, counts_in_all=not public)
            if not passed:
                after = float(headers.get("X-RateLimit-Reset-After", headers["Retry-After"]))
                body = {"message": "You are being rate limited.", "retry_after": after, "global": everywhere}
                return json_response(body, status=429, headers=headers)
            response = await handler(request)
            response.headers.update(headers)
            return response
        except ApiError as error:
            return json_response(error.body, error.status)

    async def _me(self, _: web.Request) -> web.Response:
        return json_response({**payloads.user(self.simulation.bot), "verified": True, "mfa_enabled": False, "flags": 0})

    async def _application(self, _: web.Request) -> web.Response:
        return json_response(app_payloads.application(self.simulation))

    async def _gateway_address(self, _: web.Request) -> web.Response:
        return json_response({"url": self.gateway_url})

    async def _gateway_for_bots(self, _: web.Request) -> web.Response:
        gateway = self.gateway
        limit = {"total": 1000, "remaining": gateway.starts_left, "reset_after": 86_400_000}
        limit["max_concurrency"] = gateway.max_concurrency
        return json_response({"url": self.gateway_url, "shards": gateway.shards, "session_start_limit": limit})

    async def _commands(self, request: web.Request) -> web.Response:
        self._check_application(request)
        return json_response(self.simulation.commands.listed())

    async def _overwrite_commands(self, request: web.Request) -> web.Response:
        self._check_application(request)
        body: Any = await json_of(request)
        return json_response(self.simulation.commands.overwrite(body, self.simulation.application_id))

    def _check_application(self, request: web.Request) -> None:
        if request.match_info["application"] != str(self.simulation.application_id):
            raise ApiError(404, 10002, "Unknown Application")


def _other_method(request: web.Request) -> bool:
    return request.match_info.http_exception is not None and request.match_info.http_exception.status == 405
