"""A trip in euros, paid through Stripe from end to end: webhook in, refund out, books equal."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx

from app.sandbox.app import STRIPE_WEBHOOK_SECRET
from app.sandbox.stripe.dialect import Stripe
from tests.laws import audit_is_clean
from tests.money.payees.payout_accounts import account_at_stripe
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing
from tests.stories.trips import EUROS, trip_in_dinars, trip_in_euros


async def test_a_trip_in_euros_is_paid_on_stripes_page_and_confirmed_by_its_webhooks(
    shop: Shop,
) -> None:
    booking = await trip_in_euros(shop)
    payment = await shop.pending(booking)
    assert payment["gateway"] == "stripe"
    async with httpx.AsyncClient(trust_env=False) as guest:
        page = await guest.get(payment["checkoutUrl"])
        assert "45.00" in page.text
        left = await guest.post(payment["checkoutUrl"] + "/pay")
    back = parse_qs(urlsplit(left.headers["location"]).query)
    assert back["reference"] == [payment["reference"]]
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    seen = await shop.get(shop.guest, "/api/payments/status", reference=payment["reference"])
    assert seen["state"] == "succeeded"
    assert await shop.values("SELECT DISTINCT state FROM webhook_events") == ["processed"]


async def test_a_trip_in_euros_that_is_cancelled_is_refunded_through_stripe(shop: Shop) -> None:
    booking = await trip_in_euros(shop, days_ahead=30)
    await shop.paid(booking)
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    for _ in range(2):  # sent, and looked up
        await shop.run_jobs()
    states = await shop.values("SELECT gateway || ' ' || state FROM instructions")
    assert states == ["stripe confirmed"]
    books = (await shop.sandbox.books("stripe"))["EUR"]
    assert (books["money_in"], books["refunded"]) == (EUROS, EUROS)
    await agree_on_clearing(shop, "stripe", "EUR")


async def test_a_trip_in_dinars_is_divided_into_what_stripe_can_pay(shop: Shop) -> None:
    await account_at_stripe(shop, country="KW", currency="KWD")
    booking = await trip_in_dinars(shop, policy="flexible")
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=-2))
    path = f"/api/bookings/{booking['id']}"
    told = await shop.get(shop.guest, f"{path}/cancellation")
    assert told["total"] == {"amount": 5_020, "currency": "KWD"}
    reply = await shop.post(shop.guest, f"{path}/cancel", {"expectedRefund": told["total"]})
    assert reply.status_code == 200, reply.text
    for _ in range(2):  # sent, and looked up
        await shop.run_jobs()
    seen = await shop.values("SELECT concat_ws(' ', kind, state, amount) FROM instructions")
    assert sorted(seen) == ["refund confirmed 5020", "transfer confirmed 4520"]
    late = {"reason": "Late", "atWhoseCost": "platform"}
    refund = f"/api/admin/bookings/{booking['id']}/refunds"
    money = {"amount": 1_005, "currency": "KWD"}
    refused = await shop.post(shop.admin, refund, late | {"amount": money})
    assert [each["field"] for each in refused.json()["errors"]] == ["amount.amount"]
    assert "1.000 KWD or 1.010 KWD would do" in refused.text
    await agree_on_clearing(shop, "stripe", "KWD")
    await audit_is_clean()


async def test_after_a_decline_on_stripes_page_the_guest_sees_why_and_may_try_again(
    shop: Shop,
) -> None:
    booking = await trip_in_euros(shop)
    payment = await shop.pending(booking)
    await shop.sandbox.decline(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    failed = await shop.values("SELECT failure FROM payments")
    assert failed == ["Your card was declined."]
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_a_webhook_that_stripe_did_not_sign_is_refused(shop: Shop) -> None:
    body = b'{"id": "evt_1", "type": "customer.created", "data": {"object": {}}}'
    forged = Stripe("whsec_stranger").signed(body)
    genuine = Stripe(STRIPE_WEBHOOK_SECRET).signed(body)
    path = "/api/webhooks/stripe"
    assert (await shop.api.post(path, content=body, headers=forged)).status_code == 401
    first, again = [await shop.api.post(path, content=body, headers=genuine) for _ in range(2)]
    assert (first.status_code, first.json()["deduplicated"]) == (200, False)
    assert (again.status_code, again.json()["deduplicated"]) == (200, True)
