"""Whatever people do, the audit of what it left behind is clean, at every step of the way."""

from datetime import timedelta
from typing import Any

import pytest

from app.foundation.db import execute, transaction
from tests import make
from tests.laws import audit_is_clean, take_audit
from tests.shop import Shop


async def _has_account(shop: Shop) -> None:
    """The host can be paid: the simulator takes any recipient."""
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder,
                                         account_number, bank_code, recipient, state)
            VALUES (%(id)s, %(host_id)s, 'paystack', 'NGN', 'nuban', 'A host', '0123456789', '058',
                    'RCP_1', 'active')""",
            id=make.new_id(),
            host_id=shop.host.id,
        )


async def _requested(shop: Shop, **more: Any) -> dict[str, Any]:
    """A paid booking that waits for its host."""
    async with transaction() as tx:
        trip_id = await make.trip(tx, shop.host, request_to_book=True)
    booking = await shop.reserve("1A", trip_id=trip_id, **more)
    await shop.paid(booking)
    assert await shop.state(booking) == "awaiting_host"
    await audit_is_clean()
    return booking


async def test_an_empty_database_breaks_no_law(shop: Shop) -> None:
    await audit_is_clean(nothing_late=True)


async def test_a_hold_that_is_not_paid_in_time(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    await audit_is_clean(nothing_late=True)
    await shop.pending(booking)
    await audit_is_clean(nothing_late=True)
    await shop.forward(timedelta(minutes=31))
    await audit_is_clean(nothing_late=True)
    await shop.reserve("1A", who=shop.other)  # takes over what the sweep has not got round to
    await audit_is_clean()
    await shop.sweep("expire-holds")
    await shop.run_jobs()
    assert await shop.state(booking) == "expired"
    await audit_is_clean(nothing_late=True)


async def test_a_late_payment_is_given_back(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    payment = await shop.pending(booking)
    await shop.forward(timedelta(minutes=31))
    await shop.reserve("1A", who=shop.other)
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    await audit_is_clean()
    await shop.run_jobs()
    await audit_is_clean()


async def test_a_stay_from_the_charge_to_the_payout(shop: Shop) -> None:
    await _has_account(shop)
    booking = await shop.sleep_over()
    await shop.paid(booking)
    await audit_is_clean(nothing_late=True)
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    await audit_is_clean()
    await shop.run_jobs()
    await audit_is_clean()
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=2, seconds=1))
    await shop.sweep("release-escrow")
    await audit_is_clean()
    await shop.run_jobs()
    for _ in range(3):
        await shop.forward(timedelta(minutes=16))
        await shop.sweep("resolve-unknown")
        await shop.run_jobs()
        await audit_is_clean()
    await shop.sweep("complete-bookings")
    await audit_is_clean()


async def test_a_payout_that_waits_for_an_account(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    await shop.sweep("release-escrow")
    await audit_is_clean()
    await _has_account(shop)
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert await shop.values("SELECT state FROM instructions") != ["waiting_for_payee"]
    await audit_is_clean()


@pytest.mark.parametrize("answer", ["accept", "decline"])
async def test_a_request_that_is_answered(shop: Shop, answer: str) -> None:
    booking = await _requested(shop)
    reply = await shop.post(shop.host, f"/api/bookings/{booking['id']}/{answer}")
    assert reply.status_code in (200, 201), reply.text
    await audit_is_clean(nothing_late=True)
    await shop.run_jobs()
    await audit_is_clean(nothing_late=True)


async def test_a_request_that_nobody_answers(shop: Shop) -> None:
    booking = await _requested(shop)
    await shop.forward(timedelta(hours=26))
    taken = await take_audit()
    assert [f.law.name for f in taken.findings if f.is_breach and f.law.name == "requests_end"]
    await shop.sweep("refund-timeouts")
    assert await shop.state(booking) == "declined"
    await audit_is_clean()


@pytest.mark.parametrize("by", ["host", "admin"])
async def test_a_confirmed_booking_that_is_cancelled(shop: Shop, by: str) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    reply = await shop.post(getattr(shop, by), f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code in (200, 201), reply.text
    await audit_is_clean(nothing_late=True)
    await shop.run_jobs()
    await audit_is_clean(nothing_late=True)


async def test_a_hold_that_is_cancelled(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.post(shop.guest, f"/api/bookings/{booking['id']}/cancel")
    await audit_is_clean(nothing_late=True)
