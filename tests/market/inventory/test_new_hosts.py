"""What a host may offer before a booking was completed; over HTTP."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.foundation.db import execute, fetch_value, transaction
from app.foundation.settings import settings
from app.market.inventory.rules import NEW_HOST_LISTINGS_MAX
from app.people.accounts.model import Principal, Role
from tests import make, paid


@pytest.fixture(autouse=True)
def no_scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def _offer(api: httpx.AsyncClient, host: Principal) -> httpx.Response:
    body: dict[str, Any] = {
        "kind": "stay",
        "title": "Guest house",
        "place": "Ikeja",
        "zone": "Africa/Lagos",
        "price": {"amount": 2_000_000, "currency": "NGN"},
        "checkInTime": "15:00:00",
        "checkOutTime": "11:00:00",
        "policy": "flexible",
    }
    return await api.post("/api/listings", json=body, headers=make.bearer(host))


async def _add(api: httpx.AsyncClient, host: Principal, listing_id: str) -> httpx.Response:
    body = {"rooms": {"count": 500}}
    path = f"/api/listings/{listing_id}/units"
    return await api.post(path, json=body, headers=make.bearer(host))


async def test_a_new_host_offers_so_many_listings_also_if_all_are_made_at_once(
    api: httpx.AsyncClient,
) -> None:
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
    replies = await asyncio.gather(*(_offer(api, host) for _ in range(NEW_HOST_LISTINGS_MAX + 8)))
    codes = [reply.status_code for reply in replies]
    assert codes.count(201) == NEW_HOST_LISTINGS_MAX, replies[0].text
    assert {reply.json()["code"] for reply in replies if reply.status_code == 409} == {
        "new_host_quota"
    }


async def test_a_new_host_offers_a_thousand_units(api: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
    ids = [(await _offer(api, host)).json()["id"] for _ in range(3)]
    codes = [(await _add(api, host, listing_id)).status_code for listing_id in ids]
    assert codes == [201, 201, 409]
    async with transaction() as tx:
        assert await fetch_value(tx, int, "SELECT count(*) FROM units") == 1_000


async def test_a_host_with_a_completed_booking_is_not_new(api: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        await execute(tx, "UPDATE bookings SET state = 'completed'")
    host = Principal(id=booking.host_id, roles=(Role.HOST,))
    codes = {(await _offer(api, host)).status_code for _ in range(NEW_HOST_LISTINGS_MAX + 2)}
    assert codes == {201}
