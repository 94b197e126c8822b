"""Refund past the payout: give back money that was divided, at the host's or platform's cost."""

from uuid import UUID

import uuid_utils.compat

from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.flows.sending import queries, rules
from app.flows.sending.model import Bearer, LateRefund, LateRefundReply, NewLateRefund
from app.foundation import audit
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionReply
from app.money.ledger import actions as ledger
from app.money.payments import actions as payments
from app.money.payments.model import Refund
from app.money.payouts import actions as payouts


async def refund_past_payout(
    tx: Tx, booking_id: UUID, new: NewLateRefund, *, admin_id: UUID
) -> LateRefundReply:
    """Give back money that has been divided, at the cost of the host or the platform.

    `booking_id` is that of a booking or of one of its parts: what is given back is of that part. A
    host then owes it, and gets less of the next payouts. Raises BookingNotFound, StillHeld,
    RefundExceedsCharge, ChargeContested, Invalid.
    """
    parts = await bookings.lock_whole(tx, booking_id)
    (booking,) = (part for part in parts if part.id == booking_id)
    pots = await escrow.lock_all_of(tx, [part.id for part in parts])
    own = [pot for pot in pots if pot.booking_id == booking_id]
    payment = await payments.get(tx, rules.check_divided(own).payment_id)
    before = await queries.refunded_late(tx, booking_id)
    rules.check_amount(new.amount, payment, pots, own=own, before=before)
    refund = await queries.insert_late_refund(
        tx,
        new,
        refund_id=uuid_utils.compat.uuid7(),
        booking_id=booking_id,
        payment_id=payment.id,
        admin_id=admin_id,
    )
    await ledger.post(tx, rules.posting_of(refund, booking))
    if refund.borne_by is Bearer.HOST:
        await _charge_host(tx, booking, refund)
    return await _send(tx, refund, by=Actor(ActorRole.ADMIN, admin_id))


async def _charge_host(tx: Tx, booking: Booking, refund: LateRefund) -> None:
    await payouts.owe(
        tx,
        cause_id=refund.id,
        host_id=booking.host_id,
        booking_id=booking.id,
        money=refund.money,
        reason=refund.reason,
    )
    await notifications.notify(
        tx,
        account_id=booking.host_id,
        kind=Kind.HOST_DEBT,
        source_id=refund.id,
        data=rules.facts(booking, refund.money, reason=refund.reason),
    )


async def _send(tx: Tx, refund: LateRefund, *, by: Actor) -> LateRefundReply:
    await audit.record(
        tx,
        by=by,
        action="refund_past_payout",
        subject=Subject("booking", refund.booking_id),
        after={"lateRefundId": refund.id, "amount": refund.money, "borneBy": refund.borne_by},
        reason=refund.reason,
    )
    part = Refund(
        payment_id=refund.payment_id,
        booking_id=refund.booking_id,
        source_id=refund.id,
        amount=refund.amount,
        reason=refund.reason,
    )
    await payments.refund_all(tx, [part], by=by)
    (instruction,) = await instructions.of_source(tx, refund.id)
    return LateRefundReply(
        id=refund.id,
        booking_id=refund.booking_id,
        amount=refund.money,
        at_whose_cost=refund.borne_by,
        reason=refund.reason,
        created_at=refund.created_at,
        refund=InstructionReply.of(instruction),
    )
