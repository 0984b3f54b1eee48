"""Check of the Host header, on loopback addresses and where `bot.web.hosts` lists names.

A page of another site can have its own name point at 127.0.0.1 (DNS rebinding), and would then read dann's answers as if
they were its own. Its browser sends that name in Host.

Not Starlette's TrustedHostMiddleware: it reads the first Host header only, cannot allow every loopback address, and
answers in plain text.
"""

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.config import WebConfig
from bot.web.http.refusal import refuse


class AllowedHosts:
    """Refuse requests for another host name with 421; pass the others on to `app`.

    Off where dann listens on more than loopback and no name is listed.
    """

    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
        self._app = app
        self._names = {name.lower().rstrip(".") for name in ("localhost", config.host, *config.hosts)}
        self._active = bool(config.hosts) or config.host.lower() == "localhost" or _is_loopback(config.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        hosts = [_host_name(value.decode("latin-1")) for name, value in scope["headers"] if name == b"host"]
        if self._active and not all(host in self._names or _is_loopback(host) for host in hosts):
            await refuse(send, 421, "dann does not go by that name; list it in bot.web.hosts.", "wrong_host")
        else:
            await self._app(scope, receive, send)


def _host_name(host: str) -> str:
    """The host without its port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
