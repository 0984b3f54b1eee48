"""Who a client is: its address, as far as somebody who can be believed has said so. Knows no limits."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
FORWARDED = b"x-forwarded-for"


class ClientAddresses:
    """Tells clients apart; `proxies` are the networks whose X-Forwarded-For is believed."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies = [ip_network(proxy) for proxy in proxies]

    def address(self, scope: Scope) -> Address | None:
        """Where the request comes from: the last address that no proxy of ours has. None where it is not known."""
        address = _parsed(scope["client"][0]) if scope.get("client") else None
        for named in reversed(_forwarded(scope)):
            before = _parsed(named)
            if address is None or before is None or not self._is_proxy(address):
                break
            address = before
        return address

    def name(self, scope: Scope) -> str:
        """What a client's limits are kept under. A customer of IPv6 has a /64 at least, and counts as one."""
        address = self.address(scope)
        if isinstance(address, IPv6Address):
            return str(IPv6Network((int(address), 64), strict=False))
        return str(address)

    def is_near(self, scope: Scope) -> bool:
        """Whether it is on this machine, and does not come through a proxy that may stand for anybody."""
        address = self.address(scope)
        if address is None or not address.is_loopback:
            return False
        return not _forwarded(scope) or address != _parsed(scope["client"][0])

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def _forwarded(scope: Scope) -> Sequence[str]:
    """Every hop that was written down, the nearest last; several headers are one."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED]
    return [hop for line in lines for hop in line.split(",")]


def _parsed(text: str) -> Address | None:
    """An address, also with a port behind it as some proxies have it; IPv4 in IPv6's clothes is IPv4."""
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
