"""A chargeback, and others that want the same money at once: one is first, and all adds up."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest

from app.edge.gateways.port import (
    Accepted,
    ChargebackStatus,
    FoundChargeback,
    FoundInstruction,
    MoneyOutStatus,
)
from app.flows.cancellation import actions as cancellation
from app.flows.cancellation.model import Cancel
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks import queries as chargeback_queries
from app.flows.sending import actions as sending
from app.foundation.db import Tx, fetch_all, fetch_new_value, fetch_values, transaction
from app.foundation.errors import Problem
from app.market.bookings.model import Booking
from app.money.escrow import actions as escrow
from app.money.escrow.model import PotKind
from app.money.escrow.rules import WINDOWS
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind
from app.money.payments import actions as payments
from app.money.payments.model import Payment
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.laws import audit_is_clean
from tests.sandbox.webhooks import eventually

pytestmark = pytest.mark.usefixtures("pool")

ROUNDS: Final = 8

Action = Callable[[Tx], Awaitable[object]]


async def _act(action: Action) -> None:
    await asyncio.sleep(random.random() * 0.05)
    try:
        async with transaction() as tx:
            await action(tx)
    except Problem:
        pass  # somebody was faster


async def _stays() -> list[tuple[Booking, Payment]]:
    """Paid for, and all at the same time."""
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        guest = await make.account(tx)
        stays = [await paid.stay(tx, host=host, guest=guest) for _ in range(ROUNDS)]
        charges = await fetch_all(
            tx, Payment, "SELECT *, false AS calling FROM payments ORDER BY booking_id"
        )
    return list(zip(sorted(stays, key=lambda stay: stay.id), charges, strict=True))


def _reported(payment: Payment, status: ChargebackStatus) -> Action:
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
    return lambda tx: chargebacks.post(tx, payment.id, found, live=False)


async def _contend(others: Callable[[Booking], Action]) -> None:
    stays = await _stays()
    async with transaction() as tx:
        await paid.set_clock(tx, stays[0][0].check_in_at + WINDOWS[PotKind.RENTAL])
    for status in (ChargebackStatus.OPEN, ChargebackStatus.LOST):
        await asyncio.gather(
            *(_act(others(booking)) for booking, _ in stays),
            *(_act(_reported(payment, status)) for _, payment in stays),
            *(_act(_reported(payment, status)) for _, payment in stays),
        )
        await audit_is_clean()


async def test_a_release_and_a_chargeback_contend_for_the_pot() -> None:
    await _contend(lambda _: lambda tx: escrow.release_due(tx, limit=2))


async def test_a_cancellation_and_a_chargeback_contend_for_the_booking() -> None:
    def cancel(booking: Booking) -> Action:
        host = Principal(id=booking.host_id, roles=(Role.HOST,))
        return lambda tx: cancellation.cancel(
            tx, booking_id=booking.id, asker=host, request=Cancel()
        )

    stays = await _stays()
    for status in (ChargebackStatus.OPEN, ChargebackStatus.LOST):
        await asyncio.gather(
            *(_act(cancel(booking)) for booking, _ in stays),
            *(_act(_reported(payment, status)) for _, payment in stays),
        )
        await audit_is_clean()


async def test_a_refund_that_begins_to_be_sent_keeps_its_chargeback_open() -> None:
    payment, refund = await _cancelled()
    async with transaction() as tx:
        assert await sending.begin(tx, refund.id)
        losing = asyncio.create_task(_act(_reported(payment, ChargebackStatus.LOST)))
        await eventually(partial(_waits_for_a_lock, losing))
    await losing
    async with transaction() as tx:
        assert await fetch_values(tx, str, "SELECT state FROM chargebacks") == ["open"]
    await audit_is_clean()


async def test_a_refund_is_not_sent_while_a_chargeback_of_its_charge_is_being_opened() -> None:
    payment, refund = await _cancelled()
    async with transaction() as tx:
        await _reported(payment, ChargebackStatus.OPEN)(tx)
        beginning = asyncio.create_task(_begin(refund.id))
        await eventually(partial(_waits_for_a_lock, beginning))
    assert await beginning is None
    await audit_is_clean()


async def test_a_charge_contested_during_a_wait_for_the_refund_gate_is_not_admitted() -> None:
    async with transaction() as tx:
        booking = await paid.seat(tx, request_to_book=True)
        await paid.left_unanswered(tx, booking)
        (refund,) = await instructions.of_booking(tx, booking.id)
        payment = await payments.get(tx, refund.payment_id)
    async with transaction() as tx:
        await instructions.lock_refund_gate(tx)
        admitting = asyncio.create_task(_admit())
        await eventually(partial(_waits_for_a_lock, admitting))
        await _act(_reported(payment, ChargebackStatus.OPEN))
    assert await admitting == []
    await audit_is_clean()


async def _admit() -> list[UUID]:
    async with transaction() as tx:
        return await sending.admit_refunds(tx, limit=10)


async def _cancelled() -> tuple[Payment, Instruction]:
    """The charge of a cancelled stay, and one of its refunds, which has not left."""
    (booking, payment), *_ = await _stays()
    async with transaction() as tx:
        host = Principal(id=booking.host_id, roles=(Role.HOST,))
        await cancellation.cancel(tx, booking_id=booking.id, asker=host, request=Cancel())
        refund, *_ = await instructions.of_booking(tx, booking.id)
    return payment, refund


async def _begin(refund_id: UUID) -> object:
    async with transaction() as tx:
        return await sending.begin(tx, refund_id)


async def test_a_reissue_and_a_lost_chargeback_contend_for_a_refund_that_came_back() -> None:
    """Whoever is first, the guest has it from the bank alone."""
    for is_sent_first in (True, False):
        booking, payment = await _refunded()
        async with transaction() as tx:
            refunds = await instructions.of_booking(tx, booking.id)
            for refund in refunds:
                await _come_back(tx, refund=refund)
        again = [partial(_send_again, refund_id=refund.id) for refund in refunds]
        lose = _reported(payment, ChargebackStatus.LOST)
        first, *then = [*again, lose] if is_sent_first else [lose, *again]
        async with transaction() as tx:
            await first(tx)
            waiting = asyncio.gather(*map(_act, then))
            await eventually(partial(_waits_for_a_lock, waiting))
        await waiting
        await _nobody_has_it_twice(payment)


async def test_a_lost_chargeback_and_a_refund_that_comes_back_contend() -> None:
    for is_lost_first in (True, False):
        booking, payment = await _refunded()
        async with transaction() as tx:
            refund, *others = await instructions.of_booking(tx, booking.id)
        back = [partial(_come_back, refund=each) for each in (refund, *others)]
        lose = _reported(payment, ChargebackStatus.LOST)
        first, *then = [lose, *back] if is_lost_first else [*back, lose]
        async with transaction() as tx:
            await first(tx)
            waiting = asyncio.gather(*map(_act, then))
            await eventually(partial(_waits_for_a_lock, waiting))
        await waiting
        await _nobody_has_it_twice(payment)


async def _refunded() -> tuple[Booking, Payment]:
    """All of its refunds have arrived."""
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        booking = await paid.stay(tx, host=host, guest=await make.account(tx))
        await cancellation.cancel(tx, booking_id=booking.id, asker=host, request=Cancel())
        refunds = await instructions.of_booking(tx, booking.id)
        for refund in refunds:
            await _arrive(tx, refund)
        return booking, await payments.lock(tx, refunds[0].payment_id)


async def _arrive(tx: Tx, refund: Instruction) -> None:
    begun = await sending.begin(tx, refund.id)
    assert begun
    accepted = Accepted(gateway_id=str(refund.id), status=MoneyOutStatus.PENDING, data={})
    sent = await instructions.record(tx, begun.instruction, accepted)
    await instructions.settle(tx, sent, _found(sent, MoneyOutStatus.SUCCEEDED), live=False)


async def _come_back(tx: Tx, *, refund: Instruction) -> None:
    """What a look-up commits."""
    asked = await instructions.begin_look_up(tx, refund.id)
    assert asked
    back = await instructions.settle(tx, asked, _found(asked, MoneyOutStatus.REVERSED), live=False)
    await chargebacks.keep_refund(tx, back)
    await escrow.follow(tx, back)


async def _send_again(tx: Tx, *, refund_id: UUID) -> None:
    admin = await make.account(tx, Role.ADMIN)
    await sending.reissue(
        tx, refund_id, kind=InstructionKind.REFUND, admin_id=admin.id, reason="asked for it"
    )


def _found(sent: Instruction, status: MoneyOutStatus) -> FoundInstruction:
    return FoundInstruction(
        reference=sent.reference or "",
        gateway_id=str(sent.id),
        status=status,
        money=sent.money,
        failure="the card is closed" if status is MoneyOutStatus.REVERSED else "",
        live=False,
        fee=None,
        data={},
    )


async def _nobody_has_it_twice(payment: Payment) -> None:
    async with transaction() as tx:
        lost = await chargeback_queries.lock_lost(tx, payment.id)
        unsent = await instructions.lock_unsent(tx, payment.id, [InstructionKind.REFUND])
        assert not unsent
        assert [each.loss for each in lost] == [0]
    await audit_is_clean()


async def _waits_for_a_lock(losing: asyncio.Future[Any]) -> bool:
    async with transaction() as tx:
        return losing.done() or await fetch_new_value(
            tx,
            bool,
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity
             WHERE wait_event_type = 'Lock' AND datname = current_database())""",
        )
