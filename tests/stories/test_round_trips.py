"""What the limits cost the requests that everybody waits for: no round trip to the database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation import db
from app.foundation.db import fetch_value, transaction
from app.foundation.settings import settings
from app.people.accounts.model import Principal, Role
from tests import make
from tests.application import the_app, transport_to
from tests.foundation.proxy import Proxy, proxy_to

Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def counted(database_url: str) -> AsyncIterator[Proxy]:
    """The pool has one connection, which is ready and goes by way of what counts."""
    async with proxy_to(database_url) as (proxy, url):
        await db.open_pool(url, size_max=1)
        open_gateways(settings())
        yield proxy
        await close_gateways()
        await db.close_pool()


async def _post(who: Principal, path: str, body: Any, *, key: str = "") -> httpx.Response:
    headers = make.bearer(who) | ({"idempotency-key": key} if key else {})
    transport = transport_to(the_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://berthold.test") as api:
        return await api.post(
            path,
            content=msgspec.json.encode(body),
            headers=headers | {"content-type": "application/json"},
        )


async def _trip() -> tuple[Principal, str]:
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
        return await make.account(tx), str(await make.trip(tx, host, seats=40))


@pytest.mark.parametrize(
    ("key", "round_trips"),
    [
        pytest.param("k", 6, id="BEGIN, key and limit, offer, hold, reply under the key, COMMIT"),
        pytest.param("", 4, id="BEGIN with the limit, offer, hold, COMMIT"),
    ],
)
async def test_reserving_needs_no_round_trip_for_its_limit(
    counted: Proxy, key: str, round_trips: int
) -> None:
    guest, trip_id = await _trip()
    for row in range(1, 4):  # the first ones prepare statements
        before = counted.round_trips
        body = {"tripId": trip_id, "seatNumbers": [f"{row}A", f"{row}B"]}
        reply = await _post(guest, "/api/bookings/reserve", body, key=key and f"{key}{row}")
        assert reply.status_code == 201, reply.text
        assert '"reserve";q=' in reply.headers["ratelimit-policy"]
        assert counted.round_trips - before == round_trips
    async with transaction() as tx:
        assert await fetch_value(tx, int, "SELECT count(*) FROM limit_buckets") == 1


async def test_beginning_to_pay_needs_no_round_trip_for_its_limit(counted: Proxy) -> None:
    """The limit is asked for together with the idempotency key, and nowhere else."""
    guest, trip_id = await _trip()
    body = {"tripId": trip_id, "seatNumbers": ["1A"]}
    booking = (await _post(guest, "/api/bookings/reserve", body)).json()
    counted.asked.clear()
    reply = await _post(guest, "/api/payments/initiate", {"bookingId": booking["id"]}, key="k")
    assert reply.status_code == 504, "no gateway can be reached here"
    assert '"initiate";q=' in reply.headers["ratelimit-policy"]
    limits = [asked for asked in counted.asked if b"limit_buckets" in asked]
    assert len(limits) == 1
    assert b"idempotency_keys" in limits[0]
