"""A client's address, read from X-Forwarded-For where a trusted proxy wrote it.

Not uvicorn's ProxyHeadersMiddleware: it overwrites the peer's address, which `is_local` needs, and takes words that are
no address for a client.
Knows no limits.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
FORWARDED = b"x-forwarded-for"


class ClientAddresses:
    """Find clients' addresses; `proxies` are the networks whose X-Forwarded-For is trusted."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies = [ip_network(proxy) for proxy in proxies]

    def address(self, scope: Scope) -> Address | None:
        """The last address on the way that is not a trusted proxy's; None where it is unknown."""
        address = _parsed(scope["client"][0]) if scope.get("client") else None
        for hop in reversed(_forwarded(scope)):
            before = _parsed(hop)
            if address is None or before is None or not any(address in network for network in self._proxies):
                break
            address = before
        return address

    def name(self, scope: Scope) -> str:
        """The key of a client's limits. A customer of IPv6 has a /64 at least, and counts as one."""
        address = self.address(scope)
        if isinstance(address, IPv6Address):
            return str(IPv6Network((int(address), 64), strict=False))
        return str(address)

    def is_local(self, scope: Scope) -> bool:
        """Whether the client is on this machine, and not behind a proxy that may stand for anybody."""
        address = self.address(scope)
        if address is None or not address.is_loopback:
            return False
        return not _forwarded(scope) or address != _parsed(scope["client"][0])


def _forwarded(scope: Scope) -> Sequence[str]:
    """Every hop in X-Forwarded-For, the nearest last; several headers count as one list."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED]
    return [hop for line in lines for hop in line.split(",")]


def _parsed(text: str) -> Address | None:
    """Parse an address, with or without a port; IPv4 mapped into IPv6 is IPv4."""
    text = text.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
