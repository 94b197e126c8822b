"""What people see of a booking's money, at each stage of its way."""

from datetime import timedelta
from typing import Any

from app.foundation.db import transaction
from tests import make
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import make_payee
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop


async def seen(shop: Shop, booking: dict[str, Any]) -> dict[str, Any]:
    return await shop.get(shop.guest, f"/api/bookings/{booking['id']}/escrow")


def waits(escrow: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(pot["wait"] for pot in escrow["pots"] if pot["kind"] == kind)


async def test_an_unpaid_booking_has_no_stage_and_no_pots(shop: Shop) -> None:
    escrow = await seen(shop, await shop.sleep_over())
    assert (escrow["stage"], escrow["pots"], escrow["refunds"]) == (None, [], [])


async def test_a_stay_goes_through_its_six_stages(shop: Shop) -> None:
    await make_payee(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    escrow = await seen(shop, booking)
    assert escrow["stage"] == {"number": 1, "name": "funds held in escrow"}
    assert waits(escrow, "rental")["waitsFor"] == "check-in"
    assert waits(escrow, "rental")["until"] == escrow["pots"][0]["closesAt"]
    assert "1 hour from check-in" in waits(escrow, "rental")["rule"]
    assert "2 hours from check-out" in waits(escrow, "deposit")["rule"]

    await shop.forward_to(booking["checkInAt"])
    escrow = await seen(shop, booking)
    assert escrow["stage"]["number"] == 2
    assert waits(escrow, "rental")["waitsFor"] == "the end of the dispute window"

    await shop.forward(timedelta(hours=1))
    await shop.sweep("release-escrow")
    escrow = await seen(shop, booking)
    assert escrow["stage"]["number"] == 3
    assert waits(escrow, "rental")["waitsFor"] == "the transfer to the host to arrive"
    assert escrow["pots"][0]["shares"]["commission"]["amount"] == 400_000
    await follow(shop)
    assert waits(await seen(shop, booking), "rental") is None

    await shop.forward_to(booking["checkOutAt"])
    assert (await seen(shop, booking))["stage"]["number"] == 4
    await shop.forward(timedelta(hours=2))
    await shop.sweep("release-escrow")
    assert (await seen(shop, booking))["stage"]["number"] == 5
    await follow(shop)
    await shop.sweep("complete-bookings")
    assert (await seen(shop, booking))["stage"] == {"number": 6, "name": "booking completed"}


async def test_a_pot_says_what_blocks_its_payout(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    wait = waits(await seen(shop, booking), "rental")
    assert wait["blockedBy"] == ["the host has no payout account for this currency"]
    assert wait["until"] is None


async def test_a_request_waits_for_its_host(shop: Shop) -> None:
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, request_to_book=True)
    booking = await shop.reserve("1A", trip_id=trip_id)
    await shop.paid(booking)
    wait = waits(await seen(shop, booking), "rental")
    assert wait["waitsFor"] == "the host to accept the booking"
    assert wait["until"] is not None


async def test_a_cancelled_booking_is_at_the_seventh_stage(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    reply = await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    escrow = await seen(shop, booking)
    assert escrow["stage"]["number"] == 1  # it is there until the gateway has confirmed the refund
    assert [pot["state"] for pot in escrow["pots"]] == ["refunding", "refunding"]
    await _refunds_arrive(shop)
    escrow = await seen(shop, booking)
    assert escrow["stage"] == {"number": 7, "name": "payment refunded"}


async def test_the_trail_has_every_step_in_order(shop: Shop) -> None:
    await make_payee(shop)
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    await follow(shop)
    trail = await shop.get(shop.host, f"/api/bookings/{booking['id']}/escrow-events")
    assert [(event["what"], event["state"]) for event in trail["events"]] == [
        ("rental pot", "held"),
        ("rental pot", "releasing"),
        ("transfer", "queued"),
        ("transfer", "sending"),
        ("transfer", "sent"),
        ("transfer", "confirmed"),
        ("rental pot", "released"),
    ]


async def test_a_cancellation_that_gives_no_price_back_is_no_refund(shop: Shop) -> None:
    async with transaction() as tx:
        shop.stay_id = await make.stay(tx, shop.host, policy="strict", rooms=3)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    reply = await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text
    escrow = await seen(shop, booking)
    rental = escrow["pots"][0]
    assert (rental["kind"], rental["shares"]["toGuest"]["amount"]) == ("rental", 0)
    assert escrow["stage"]["number"] == 5


async def test_a_dispute_that_gives_the_price_back_is_a_refund(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await shop.forward_to(booking["checkInAt"])
    path = f"/api/bookings/{booking['id']}/disputes"
    dispute = (await shop.post(shop.guest, path, {"reason": "There was no room"})).json()
    rental = (await seen(shop, booking))["pots"][0]["amount"]
    decision = {"toGuest": rental, "decision": "There was none"}
    path = f"/api/admin/disputes/{dispute['id']}/resolve"
    reply = await shop.post(shop.admin, path, decision)
    assert reply.status_code == 200, reply.text
    await _refunds_arrive(shop)
    assert (await seen(shop, booking))["stage"]["number"] == 7


async def _refunds_arrive(shop: Shop) -> None:
    await shop.run_jobs()
    for refund in await shop.sandbox.refunds():
        await shop.sandbox.end_refund(refund["id"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    await shop.run_jobs()
