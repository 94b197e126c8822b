"""What no gateway can charge is neither offered, held nor begun to be paid."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from app.edge.gateways.paystack.amounts import WIRE_MAX, WIRE_MIN
from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation.db import execute, now, transaction
from app.foundation.settings import settings
from tests import make
from tests.shop import Shop

LEAST, MOST = WIRE_MIN["NGN"], WIRE_MAX
STAY = {
    "kind": "stay", "title": "A", "place": "B", "zone": "UTC", "policy": "strict",
    "checkInTime": "15:00:00", "checkOutTime": "11:00:00",
}  # fmt: skip


@pytest.fixture
async def shop(shop: Shop) -> Shop:
    """Where Paystack alone is in use."""
    await close_gateways()
    open_gateways(
        replace(
            settings(),
            gateways=("paystack",),
            paystack_base_url=shop.sandbox.base_url,
            paystack_secret_keys=(shop.sandbox.secret_key,),
        )
    )
    return shop


def money(amount: int, currency: str = "NGN") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def fields(reply: Any) -> list[str]:
    assert reply.status_code == 422, reply.text
    return [error["field"] for error in reply.json()["errors"]]


async def offer(shop: Shop, **prices: Any) -> Any:
    return await shop.post(shop.host, "/api/listings", STAY | prices)


@pytest.mark.parametrize("amount", [LEAST - 1, MOST + 1])
async def test_a_price_that_no_gateway_charges_is_not_offered(shop: Shop, amount: int) -> None:
    assert fields(await offer(shop, price=money(amount))) == ["price"]
    weekend = {"price": money(LEAST), "weekendPrice": money(amount)}
    assert fields(await offer(shop, **weekend)) == ["weekendPrice"]
    listing = f"/api/listings/{shop.stay_id}"
    async with transaction() as tx:
        await execute(tx, "UPDATE listings SET deposit = 0")
    units = {"units": [{"label": "A", "price": money(LEAST)}, {"label": "B"}]}
    units["units"][1]["price"] = money(amount)
    assert fields(await shop.post(shop.host, f"{listing}/units", units)) == ["units[1].price"]
    dates = {"firstSlot": "2030-01-01", "lastSlot": "2030-01-01", "price": money(amount)}
    assert fields(await shop.post(shop.host, f"{listing}/price-overrides", dates)) == ["price"]


async def test_fee_and_deposit_are_paid_too(shop: Shop) -> None:
    assert (await offer(shop, price=money(1), fee=money(LEAST - 1))).status_code == 201
    assert fields(await offer(shop, price=money(MOST), deposit=money(1))) == ["price"]


async def test_a_currency_that_no_gateway_takes_is_not_offered(shop: Shop) -> None:
    reply = await offer(shop, price=money(10_000, "EUR"))
    assert fields(reply) == ["price"]
    assert "does not take EUR" in reply.text


async def test_what_no_gateway_could_pay_back_is_not_offered(shop: Shop) -> None:
    """At Stripe the last of three decimals must be 0, of the price and of each part of it."""
    await close_gateways()
    open_gateways(replace(settings(), gateways=("stripe",), stripe_secret_key="sk_test_1"))
    dinars = {name: money(1_000, "KWD") for name in ("price", "weekendPrice", "fee", "deposit")}
    created = await offer(shop, **dinars)
    assert created.status_code == 201, created.text
    for name in dinars:
        reply = await offer(shop, **dinars | {name: money(1_005, "KWD")})
        assert fields(reply) == [name]
        assert "1.000 KWD or 1.010 KWD would do" in reply.text
    change = {"deposit": money(1_005, "KWD")}
    path = f"/api/listings/{created.json()['id']}"
    headers = make.bearer(shop.host)
    assert fields(await shop.api.patch(path, json=change, headers=headers)) == ["deposit"]


async def test_many_nights_can_be_too_much_for_one_charge(shop: Shop) -> None:
    async with transaction() as tx:
        stay_id = await make.stay(tx, shop.host, price=MOST // 2, deposit=0)
        today = (await now(tx)).date()
    body = {
        "listingId": stay_id,
        "unitCount": 1,
        "checkIn": today + timedelta(days=3),
        "checkOut": today + timedelta(days=6),
    }
    assert fields(await shop.post(shop.guest, "/api/bookings/reserve", body)) == ["listingId"]
    assert await shop.count("SELECT count(*) FROM claims") == 0
    body["checkOut"] = today + timedelta(days=5)
    assert (await shop.post(shop.guest, "/api/bookings/reserve", body)).status_code == 201


async def test_what_has_become_too_little_is_not_begun_to_be_paid(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    async with transaction() as tx:
        await execute(tx, "UPDATE bookings SET total = 1, rental = 1, fee = 0, deposit = 0")
    reply = await shop.initiate(booking)
    assert reply.json()["code"] == "not_payable"
    assert "50.00 NGN would do" in reply.json()["detail"]
    assert await shop.count("SELECT count(*) FROM payments") == 0


async def test_a_listing_from_before_can_still_be_closed(shop: Shop) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency="EUR")
    headers = make.bearer(shop.host)
    path = f"/api/listings/{trip_id}"
    closed = await shop.api.patch(path, json={"state": "closed"}, headers=headers)
    assert closed.status_code == 200, closed.text
    priced = await shop.api.patch(path, json={"price": money(10_000, "EUR")}, headers=headers)
    assert fields(priced) == ["price"]
