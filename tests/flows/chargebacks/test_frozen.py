"""While a chargeback is open no money of its charge moves; then it moves on, or is gone."""

from app.foundation.db import transaction
from tests import make
from tests.flows.chargebacks.reports import (
    DEPOSIT_WINDOW,
    LOST,
    OPEN,
    RENTAL_WINDOW,
    WON,
    books_are_right,
    owed,
    paid_stay,
    report,
)
from tests.money.escrow.pots import pots
from tests.money.instructions.progress import instructions
from tests.money.payees.payout_accounts import make_payee
from tests.shop import Shop


async def test_a_pot_is_released_when_the_chargeback_is_won(shop: Shop) -> None:
    await make_payee(shop)
    booking, payment = await paid_stay(shop)
    await report(payment, OPEN)
    await shop.forward_to(booking["checkOutAt"], past=DEPOSIT_WINDOW)
    assert await shop.sweep("release-escrow") == 0
    seen = await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow")
    assert [pot["frozen"] for pot in seen["pots"]] == [True, True]
    assert seen["pots"][0]["wait"]["blockedBy"] == ["an open chargeback"]
    await books_are_right()
    await report(payment, WON)
    assert await shop.sweep("release-escrow") == 2
    assert "chargeback_losses" not in await owed(shop)
    trail = await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow-events")
    moves = [event["state"] for event in trail["events"] if event["what"] == "chargeback"]
    assert moves == ["open", "won"]
    await books_are_right()


async def test_nobody_cancels_a_booking_whose_charge_is_contested(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    await report(payment, OPEN)
    path = f"/api/bookings/{booking['id']}/cancel"
    for who in (shop.guest, shop.host, shop.admin):
        reply = await shop.post(who, path)
        assert (reply.status_code, reply.json()["code"]) == (409, "charge_contested")
    preview = await shop.api.get(f"{path}lation", headers=make.bearer(shop.guest))
    assert (preview.status_code, preview.json()["code"]) == (409, "charge_contested")
    assert await shop.state(booking) == "confirmed"
    await report(payment, WON)
    assert (await shop.post(shop.guest, path)).status_code == 200
    await books_are_right()


async def test_nobody_decides_a_dispute_while_the_charge_is_contested(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    await shop.forward_to(booking["checkInAt"])
    opened = await shop.post(
        shop.guest, f"/api/bookings/{booking['id']}/disputes", {"reason": "No water."}
    )
    await report(payment, OPEN)
    path = f"/api/admin/disputes/{opened.json()['id']}/resolve"
    body = {"toGuest": {"amount": 1, "currency": "NGN"}, "decision": "There was some."}
    reply = await shop.post(shop.admin, path, body)
    assert (reply.status_code, reply.json()["code"]) == (409, "charge_contested")
    assert (await pots(shop, booking))[0] == "rental disputed"
    await report(payment, WON)
    assert (await shop.post(shop.admin, path, body)).status_code == 200
    await books_are_right()


async def test_nobody_refunds_a_contested_charge(shop: Shop) -> None:
    booking, payment = await paid_stay(shop)
    await shop.forward_to(booking["checkInAt"], past=RENTAL_WINDOW)
    await shop.sweep("release-escrow")
    await report(payment, OPEN)
    body = {
        "amount": {"amount": 1, "currency": "NGN"},
        "reason": "There was no water",
        "atWhoseCost": "platform",
    }
    path = f"/api/admin/bookings/{booking['id']}/refunds"
    reply = await shop.post(shop.admin, path, body)
    assert (reply.status_code, reply.json()["code"]) == (409, "charge_contested")
    await report(payment, LOST)
    reply = await shop.post(shop.admin, path, body)
    assert (reply.status_code, reply.json()["code"]) == (409, "refund_exceeds_charge")


async def test_an_unanswered_request_is_declined_only_after_the_chargeback_is_won(
    shop: Shop,
) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, request_to_book=True)
    booking = await shop.reserve("1A", trip_id=trip_id)
    payment = await shop.paid(booking)
    await report(payment, OPEN)
    reply = await shop.post(shop.host, f"/api/bookings/{booking['id']}/decline")
    assert (reply.status_code, reply.json()["code"]) == (409, "charge_contested")
    await shop.forward_to(booking["checkInAt"])
    assert await shop.sweep("refund-timeouts") == 0
    await books_are_right()
    await report(payment, WON)
    assert await shop.sweep("refund-timeouts") == 1
    assert await shop.state(booking) == "declined"
    await books_are_right()


async def test_of_two_chargebacks_both_must_end_before_the_booking_can_be_cancelled(
    shop: Shop,
) -> None:
    booking, payment = await paid_stay(shop)
    await report(payment, OPEN, amount=5)
    await report(payment, OPEN, amount=7, gateway_id="cb_2")
    await report(payment, WON, amount=5)
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.json()["code"] == "charge_contested"
    await books_are_right()
    await report(payment, LOST, amount=7, gateway_id="cb_2")
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    total = payment["amount"]["amount"]
    assert sum(int(each.split()[2]) for each in await instructions(shop)) == total - 7
    await books_are_right()


async def test_a_host_is_notified_of_a_chargeback_and_of_its_end(shop: Shop) -> None:
    _, payment = await paid_stay(shop)
    await report(payment, OPEN)
    await report(payment, LOST)
    kinds = await shop.values(
        """
        SELECT kind FROM notifications
         WHERE account_id = %(host)s AND kind LIKE 'chargeback%%' ORDER BY id""",
        host=shop.host.id,
    )
    assert kinds == ["chargeback_opened", "chargeback_lost"]
    assert await shop.sweep("send-notifications") == 0, "nobody takes mail here"
    assert await shop.count("SELECT count(*) FROM alerts WHERE kind = 'mail_not_composed'") == 0
