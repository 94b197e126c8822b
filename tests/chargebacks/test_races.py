"""A freeze and whoever wants the same money at the same instant: one is first, and all adds up."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import pytest

from app.accounts.model import Principal, Role
from app.bookings.model import Booking
from app.cancellation import actions as cancellation
from app.cancellation.model import Cancel
from app.chargebacks.actions.booking import book
from app.db import Tx, fetch_all, fetch_new_value, fetch_values, transaction
from app.errors import Problem
from app.escrow import actions as escrow
from app.escrow.rules import WINDOWS
from app.gateways.port import ChargebackStatus, FoundChargeback
from app.instructions import queries as instructions
from app.instructions.actions import begin_attempt
from app.payments.model import Payment
from tests import make, paid
from tests.gateways.test_sandbox import eventually
from tests.laws import audit_is_clean

pytestmark = pytest.mark.usefixtures("pool")

ROUNDS: Final = 8

Deed = Callable[[Tx], Awaitable[object]]


async def _happens(deed: Deed) -> None:
    await asyncio.sleep(random.random() * 0.05)
    try:
        async with transaction() as tx:
            await deed(tx)
    except Problem:
        pass  # somebody was faster


async def _stays() -> list[tuple[Booking, Payment]]:
    """Paid for, and all at the same time."""
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        guest = await make.account(tx)
        stays = [await paid.stay(tx, host=host, guest=guest) for _ in range(ROUNDS)]
        payments = await fetch_all(
            tx, Payment, "SELECT *, false AS calling FROM payments ORDER BY booking_id"
        )
    return list(zip(sorted(stays, key=lambda stay: stay.id), payments, strict=True))


def _told(payment: Payment, status: ChargebackStatus) -> Deed:
    found = FoundChargeback(
        gateway_id=f"cb-{payment.id}",
        charge_reference=payment.reference,
        status=status,
        money=payment.money,
        is_taken=status is ChargebackStatus.LOST,
        fee=None,
        reason="fraudulent",
        evidence_due_at=None,
        live=False,
        data={},
    )
    return lambda tx: book(tx, payment.id, found, live=False)


async def _contend(others: Callable[[Booking], Deed]) -> None:
    stays = await _stays()
    async with transaction() as tx:
        await paid.set_clock(tx, stays[0][0].check_in_at + WINDOWS["rental"])
    for status in (ChargebackStatus.OPEN, ChargebackStatus.LOST):
        await asyncio.gather(
            *(_happens(others(booking)) for booking, _ in stays),
            *(_happens(_told(payment, status)) for _, payment in stays),
            *(_happens(_told(payment, status)) for _, payment in stays),
        )
        await audit_is_clean()


async def test_a_release_and_a_freeze_contend_for_the_pot() -> None:
    await _contend(lambda _: lambda tx: escrow.release_due(tx, limit=2))


async def test_a_cancellation_and_a_freeze_contend_for_the_booking() -> None:
    def cancel(booking: Booking) -> Deed:
        host = Principal(id=booking.host_id, roles=(Role.HOST,))
        return lambda tx: cancellation.cancel(
            tx, booking_id=booking.id, asker=host, request=Cancel()
        )

    stays = await _stays()
    for status in (ChargebackStatus.OPEN, ChargebackStatus.LOST):
        await asyncio.gather(
            *(_happens(cancel(booking)) for booking, _ in stays),
            *(_happens(_told(payment, status)) for _, payment in stays),
        )
        await audit_is_clean()


async def test_a_refund_that_begins_at_this_moment_is_under_way() -> None:
    (booking, payment), *_ = await _stays()
    async with transaction() as tx:
        host = Principal(id=booking.host_id, roles=(Role.HOST,))
        await cancellation.cancel(tx, booking_id=booking.id, asker=host, request=Cancel())
        refund, *_ = await instructions.of_booking(tx, booking.id)
    async with transaction() as tx:
        assert await begin_attempt(tx, refund.id)
        losing = asyncio.create_task(_happens(_told(payment, ChargebackStatus.LOST)))
        await eventually(partial(_waits_for_a_lock, losing))
    await losing
    async with transaction() as tx:
        assert await fetch_values(tx, str, "SELECT state FROM chargebacks") == ["open"]
    await audit_is_clean()


async def _waits_for_a_lock(losing: asyncio.Task[None]) -> bool:
    async with transaction() as tx:
        return losing.done() or await fetch_new_value(
            tx,
            bool,
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND datname = current_database())""",
        )
