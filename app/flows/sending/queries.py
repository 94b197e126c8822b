"""One statement per function on `late_refunds`: refunds of money that was paid out."""

from uuid import UUID

from app.flows.sending.model import LateRefund, NewLateRefund
from app.foundation.db import Tx, fetch_new, fetch_new_value


async def insert_late_refund(
    tx: Tx,
    new: NewLateRefund,
    *,
    refund_id: UUID,
    booking_id: UUID,
    payment_id: UUID,
    admin_id: UUID,
) -> LateRefund:
    return await fetch_new(
        tx,
        LateRefund,
        """
        INSERT INTO late_refunds
               (id, booking_id, payment_id, borne_by, amount, currency, reason, admin_id)
        VALUES (%(id)s, %(booking_id)s, %(payment_id)s, %(borne_by)s, %(amount)s, %(currency)s,
                %(reason)s, %(admin_id)s)
        RETURNING *""",
        id=refund_id,
        booking_id=booking_id,
        payment_id=payment_id,
        borne_by=new.at_whose_cost,
        amount=new.amount.amount,
        currency=new.amount.currency,
        reason=new.reason,
        admin_id=admin_id,
    )


async def refunded_late(tx: Tx, booking_id: UUID) -> int:
    """How much of a booking, or of a part of one, was given back past the payout. Minor units."""
    return await fetch_new_value(
        tx,
        int,
        """
        SELECT coalesce(sum(amount), 0)::bigint FROM late_refunds
         WHERE booking_id = %(booking_id)s""",
        booking_id=booking_id,
    )
