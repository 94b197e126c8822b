"""Two businesses at Paystack, one in Nigeria and one in Ghana: paid, refunded, reconciled apart."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
import pytest

from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.flows.mending.stories import reconcile
from app.foundation.db import transaction
from app.foundation.settings import settings
from app.sandbox.paystack.dialect import Paystack
from tests import make
from tests.laws import audit_is_clean
from tests.sandbox.webhooks import all_delivered, eventually
from tests.shop import Shop, open_shop
from tests.stories.trips import trip_in_naira

NIGERIA: Final = "sk_test_nigeria_00000000000000000"
GHANA: Final = "sk_test_ghana_0000000000000000000"
CEDIS: Final = 40_000


@pytest.fixture
async def shop(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    keys = [f"GHS:{GHANA}", f"NGN:{NIGERIA}"]
    async with open_shop(database_url, paystack_keys=keys) as shop:
        yield shop
    settings.cache_clear()


async def trip_in_cedis(shop: Shop) -> dict[str, str]:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, currency="GHS", price=CEDIS, days_ahead=30)
    return await shop.reserve("1A", trip_id=trip_id)


async def report(shop: Shop, key: str, event: str, data: dict[str, Any]) -> httpx.Response:
    """A webhook, signed with this key."""
    body = msgspec.json.encode({"event": event, "data": data})
    return await shop.api.post(
        "/api/webhooks/paystack", content=body, headers=Paystack(key).signed(body)
    )


async def calls(shop: Shop) -> int:
    return await shop.count("SELECT count(*) FROM gateway_calls")


async def test_charges_of_two_businesses_are_paid_refunded_and_reconciled(shop: Shop) -> None:
    bookings = [await trip_in_naira(shop, days_ahead=30), await trip_in_cedis(shop)]
    for booking in bookings:
        payment = await shop.pending(booking)
        await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert [await shop.state(booking) for booking in bookings] == ["confirmed", "confirmed"]
    accounts = "SELECT account || ' ' || state FROM webhook_events ORDER BY account"
    assert await shop.values(accounts) == ["GHS processed", "NGN processed"]
    for booking in bookings:
        reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
        assert reply.status_code == 200, reply.text
    await shop.run_jobs()
    await eventually(lambda: _are_refunded(shop))
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    states = "SELECT currency || ' ' || state FROM instructions ORDER BY currency"
    assert await shop.values(states) == ["GHS confirmed", "NGN confirmed"]
    now = datetime.now(UTC)
    span = Span(since=now - timedelta(hours=2), until=now + timedelta(hours=1))
    assert await reconcile(GatewayName.PAYSTACK, span) == 4, "two charges and two refunds"
    assert await shop.values("SELECT kind FROM differences WHERE state = 'open'") == []
    assert await shop.values("SELECT kind FROM alerts WHERE state <> 'resolved'") == []
    await audit_is_clean()


async def _are_refunded(shop: Shop) -> bool:
    refunds = await shop.sandbox.refunds()
    return len(refunds) == 2 and all(each["status"] == "processed" for each in refunds)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("charge.success", {"id": 1, "reference": "{it}", "status": "success"}),
        ("refund.processed", {"transaction_reference": "{it}", "status": "processed"}),
        ("charge.dispute.create", {"id": 4, "transaction": {"id": 1, "reference": "{it}"}}),
    ],
)
async def test_an_event_about_another_businesss_payment_is_set_aside_with_an_alert(
    shop: Shop, event: str, data: dict[str, Any]
) -> None:
    payment = await shop.pending(await trip_in_naira(shop))
    about = msgspec.json.decode(
        msgspec.json.encode(data).replace(b"{it}", payment["reference"].encode())
    )
    asked = await calls(shop)
    for _ in range(2):
        assert (await report(shop, GHANA, event, about)).status_code == 200
        await shop.run_jobs()
    assert set(await shop.values("SELECT state FROM webhook_events")) == {"ignored"}
    assert await calls(shop) == asked, "nobody is asked because of it"
    alerts = await shop.values("SELECT kind || ' ' || subject || ' ' || severity FROM alerts")
    assert alerts == ["webhook_of_another_account paystack GHS critical"]
    [seen] = [each["error"] for each in (await _events(shop))][:1]
    assert "GHS" in seen
    assert "NGN" in seen


async def _events(shop: Shop) -> list[dict[str, Any]]:
    return (await shop.get(shop.admin, "/api/admin/webhooks"))["webhooks"]


async def test_what_another_business_has_reported_does_not_keep_the_true_event_out(
    shop: Shop,
) -> None:
    booking = await trip_in_naira(shop)
    payment = await shop.pending(booking)
    [charge] = await shop.sandbox.charges()
    data = {"id": charge["id"], "reference": payment["reference"], "status": "success"}
    await report(shop, GHANA, "charge.success", data)
    await shop.run_jobs()
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_a_charge_at_another_business_under_our_reference_pays_nothing(shop: Shop) -> None:
    booking = await trip_in_naira(shop)
    payment = await shop.pending(booking)
    headers = {"authorization": f"Bearer {GHANA}"}
    body = {"email": "a@b.c", "amount": 500_000, "currency": "GHS"}
    begun = await shop.sandbox.client.post(
        "/transaction/initialize",
        json=body | {"reference": payment["reference"]},
        headers=headers,
    )
    assert begun.status_code == 200, begun.text
    await shop.sandbox.pay(payment["reference"])  # the newest of that reference: Ghana's
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "awaiting_payment"
    verified = await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    assert verified.json()["state"] == "pending", verified.text
