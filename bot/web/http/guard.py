"""The layers between the network and dann's routes, in order. The entry point for server.py.

From the outside in: security headers, CORS, allowed hosts, rate limits, authentication, body limit.
Rate limits come before authentication, so that nobody guesses a key quickly.
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
    """Wrap the app in all layers."""
    clients = ClientAddresses(config.proxies)
    limited = RateLimits(Authentication(BodyLimit(app, config.longest_body), secrets, clients), config, clients)
    inner = AllowedHosts(limited, config)
    return SecurityHeaders(_Cors(inner, config.allow_origins) if config.allow_origins else inner)


class _Cors:
    """Let pages of the listed sites use /v1, and nothing else."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After",),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._cors if is_v1(scope["path"]) else self._app)(scope, receive, send)
