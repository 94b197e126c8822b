"""Which client a request comes from, and what production is warned of."""

from typing import Any

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.foundation.addresses import client_address, client_range, proxy_warning


@pytest.mark.parametrize(
    ("host", "address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::ffff", "2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1%eth0", "fe80::/64"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::/64"),
        ("not an address", "unknown", "unknown"),
    ],
)
def test_a_client_is_an_ipv4_address_or_64_bits_of_an_ipv6_one(
    host: str, address: str, counted: str
) -> None:
    scope = {"client": (host, 5000)}
    assert (client_address(scope), client_range(scope)) == (address, counted)


def test_a_client_without_an_address_is_unknown() -> None:
    assert client_range({"client": None}) == client_range({}) == "unknown"


async def _seen_behind(trusted: str, *, peer: str, forwarded: str) -> str:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(client_range(scope))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    wrapped: Any = ProxyHeadersMiddleware(app, trusted_hosts=trusted)
    transport = httpx.ASGITransport(wrapped, client=(peer, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as client:
        await client.get("/", headers={"x-forwarded-for": forwarded})
    return seen[0]


async def test_only_a_trusted_proxy_says_for_whom_it_asks() -> None:
    forwarded = "198.51.100.7"
    assert await _seen_behind("10.0.0.0/8", peer="10.1.2.3", forwarded=forwarded) == forwarded
    assert await _seen_behind("10.0.0.0/8", peer="192.0.2.1", forwarded=forwarded) == "192.0.2.1"


async def test_what_a_client_writes_in_front_of_what_the_proxy_adds_is_ignored() -> None:
    forwarded = "127.0.0.1, 198.51.100.7"  # the first one is the client's invention
    assert await _seen_behind("10.0.0.0/8", peer="10.1.2.3", forwarded=forwarded) == "198.51.100.7"


def test_production_is_warned_where_limits_by_address_cannot_work() -> None:
    assert "not set" in (proxy_warning("") or "")
    assert "everybody" in (proxy_warning("10.0.0.1,*") or "")
    assert proxy_warning("10.0.0.0/8") is None
