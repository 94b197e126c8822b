"""From which address a request comes, and the range of addresses that counts as one client.

The address is that of the connection. Behind a proxy it is what uvicorn takes from the header
X-Forwarded-For, which it does only for proxies named in FORWARDED_ALLOW_IPS: what anybody else
writes there is ignored.
"""

import ipaddress
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

UNKNOWN: Final = "unknown"  # of a Unix socket: all that come from one count as one client
_IPV6_BITS_OF_A_CLIENT: Final = 64  # RFC 6177: each customer has a /64 at least
_NETWORK_BITS: Final = {4: 24, 6: 48}  # what an access provider gives one town or company

_answered: ContextVar[Mapping[str, Any] | None] = ContextVar("answered", default=None)


@contextmanager
def answering(scope: Mapping[str, Any]) -> Generator[None]:
    """For as long as a request is answered: `asker_range` says where it comes from."""
    token = _answered.set(scope)
    try:
        yield
    finally:
        _answered.reset(token)


def asker_range() -> str | None:
    """The `client_range` of the request that is being answered; None outside requests."""
    scope = _answered.get()
    return client_range(scope) if scope is not None else None


def network(scope: Mapping[str, Any]) -> str:
    """Roughly where a client is: of IPv4 its /24, of IPv6 its /48; else `unknown`."""
    address = client_address(scope)
    if address == UNKNOWN:
        return UNKNOWN
    bits = _NETWORK_BITS[6 if ":" in address else 4]
    return str(ipaddress.ip_network((address.partition("%")[0], bits), strict=False))


def client_address(scope: Mapping[str, Any]) -> str:
    """The address of the client of an ASGI request, in its usual form; else `unknown`."""
    host = (scope.get("client") or (UNKNOWN,))[0]
    try:
        return str(_parsed(str(host)))
    except ValueError:
        return UNKNOWN


def client_range(scope: Mapping[str, Any]) -> str:
    """The addresses that count as one client: of IPv4 the address itself, of IPv6 its /64."""
    address = client_address(scope)
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], _IPV6_BITS_OF_A_CLIENT), False))


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.strip("[]"))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def proxy_warning(forwarded_allow_ips: str) -> str | None:
    """Why limits by address do not work with this FORWARDED_ALLOW_IPS; None if they can."""
    if not forwarded_allow_ips.strip():
        return (
            "FORWARDED_ALLOW_IPS is not set: behind a proxy all clients have the proxy's address,"
            " and share one limit"
        )
    if "*" in forwarded_allow_ips:
        return (
            "FORWARDED_ALLOW_IPS trusts everybody: a client can write any address, and has no"
            " limit by address. Name the proxies"
        )
    return None
