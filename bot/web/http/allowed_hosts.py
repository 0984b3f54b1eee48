"""By which names dann may be asked for: where it is for this machine alone, and where names are listed.

A page of another site can have its own name point at 127.0.0.1 (DNS rebinding), and would then read what dann answers as
if it were its own. Its browser tells that name in Host.
"""

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.config import WebConfig
from bot.web.http.refusal import refuse


class AllowedHosts:
    """Refuses with 421 what is asked under another name; `app` gets the rest. Off where all may ask and no name is listed."""

    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
        self._app = app
        self._names = {name.lower().rstrip(".") for name in ("localhost", config.host, *config.hosts)}
        self._on = bool(config.hosts) or config.host.lower() == "localhost" or _is_loopback(config.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if self._on and not all(self._is_ours(host) for host in given):
            await refuse(send, 421, "dann does not go by that name; list it in bot.web.hosts.", "wrong_host")
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        return name in self._names or _is_loopback(name)


def _name(host: str) -> str:
    """The host without its port, as names are compared."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
