"""What stands between the network and dann's routes, layer by layer. The entry point for server.py.

From the outside in: headers on every answer, other sites' pages, the name dann is asked under, how often, by whom, how much.
How often comes before by whom: so nobody guesses a key quickly.
"""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.config import WebConfig
from bot.web.http.allowed_hosts import AllowedHosts
from bot.web.http.auth import Authentication, WebSecrets
from bot.web.http.body_limit import BodyLimit
from bot.web.http.client_address import ClientAddresses
from bot.web.http.paths import is_v1
from bot.web.http.rate_limit import RateLimits
from bot.web.http.security_headers import SecurityHeaders


def guarded(app: ASGIApp, config: WebConfig, secrets: WebSecrets) -> ASGIApp:
    """The app behind all layers."""
    clients = ClientAddresses(config.proxies)
    inner = Authentication(BodyLimit(app, config.longest_body), secrets, clients)
    asked = AllowedHosts(RateLimits(inner, config, clients), config)
    return SecurityHeaders(_Shared(asked, config.allow_origins) if config.allow_origins else asked)


class _Shared:
    """Lets pages of the listed sites use /v1, and nothing else."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After",),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._shared if is_v1(scope["path"]) else self._app)(scope, receive, send)
