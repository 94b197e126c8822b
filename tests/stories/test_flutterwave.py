"""A trip in shillings, paid through Flutterwave from end to end: charge, payout, refund, books."""

import httpx

from app.sandbox.app import FLUTTERWAVE_WEBHOOK_SECRET
from tests.sandbox.webhooks import all_delivered, delivered, eventually
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing
from tests.stories.trips import SHILLINGS, trip_in_shillings


async def test_a_trip_is_paid_on_flutterwaves_page_and_confirmed_by_its_webhook(shop: Shop) -> None:
    booking = await trip_in_shillings(shop)
    payment = await shop.pending(booking)
    assert payment["gateway"] == "flutterwave"
    async with httpx.AsyncClient(trust_env=False) as guest:
        page = await guest.get(payment["checkoutUrl"])
        assert "150,000" in page.text
        left = await guest.post(payment["checkoutUrl"] + "/pay")
    assert f"tx_ref={payment['reference']}" in left.headers["location"]
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"
    assert await shop.values("SELECT DISTINCT state FROM webhook_events") == ["processed"]


async def test_flutterwave_reports_a_decline_as_a_completed_charge_that_confirms_nothing(
    shop: Shop,
) -> None:
    booking = await trip_in_shillings(shop)
    payment = await shop.pending(booking)
    await shop.sandbox.decline(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.values("SELECT DISTINCT name FROM webhook_events") == ["charge.completed"]
    assert await shop.state(booking) == "awaiting_payment"
    assert await shop.values("SELECT failure FROM payments") == ["Declined by the bank"]
    await shop.sandbox.pay(payment["reference"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    assert await shop.state(booking) == "confirmed"


async def test_a_cancelled_trip_is_refunded_through_flutterwave_and_the_books_agree(
    shop: Shop,
) -> None:
    booking = await trip_in_shillings(shop, days_ahead=30)
    await shop.paid(booking)
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    await shop.run_jobs()
    await all_delivered(shop.sandbox)  # a refund is reported once it has ended
    await eventually(lambda: _is_over(shop))
    await shop.run_jobs()
    states = await shop.values("SELECT gateway || ' ' || state FROM instructions")
    assert states == ["flutterwave confirmed"]
    books = (await shop.sandbox.books("flutterwave"))["UGX"]
    assert (books["money_in"], books["refunded"]) == (SHILLINGS, SHILLINGS)
    await agree_on_clearing(shop, "flutterwave", "UGX")


async def _is_over(shop: Shop) -> bool:
    refunds = await shop.sandbox.refunds()
    return bool(refunds) and refunds[0]["status"] == "processed" and await delivered(shop.sandbox)


async def test_a_webhook_without_flutterwaves_secret_hash_is_refused(shop: Shop) -> None:
    body = b'{"event": "virtualcard.debit", "data": {"id": 5}}'
    path, genuine = "/api/webhooks/flutterwave", {"verif-hash": FLUTTERWAVE_WEBHOOK_SECRET}
    for forged in ({}, {"verif-hash": "guess"}, {"verif-hash": ""}):
        assert (await shop.api.post(path, content=body, headers=forged)).status_code == 401
    first, again = [await shop.api.post(path, content=body, headers=genuine) for _ in range(2)]
    assert (first.status_code, first.json()["deduplicated"]) == (200, False)
    assert (again.status_code, again.json()["deduplicated"]) == (200, True)
